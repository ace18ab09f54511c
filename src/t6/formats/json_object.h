// JSON files as untrusted input: an error names the file, the key, what was found and what was wanted. Json itself is
// only declared here, as headers need it; json.h defines it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace t6 {

using Json = nlohmann::json;

// Parses `text`; `source` names it in errors. Depth is bounded, so hostile nesting is an error and not a
// crash.
Json parse_json(std::string_view text, const std::string& source);
Json read_json(const std::filesystem::path& path);
void write_json(const std::filesystem::path& path, const Json& value);  // indented, atomically

// Typed access to the keys of an object. `source` (a file's name) begins every message.
class JsonObject {
 public:
  JsonObject(const Json& value, std::string source);  // Error: not an object

  bool has(const std::string& key) const;  // present and not null
  int64_t integer(const std::string& key, int64_t minimum, int64_t maximum) const;
  double number(const std::string& key, double minimum, double maximum) const;
  bool boolean(const std::string& key) const;
  std::string string(const std::string& key) const;
  // `fallback` when the key is absent or null.
  int64_t integer_or(const std::string& key, int64_t fallback, int64_t minimum, int64_t maximum) const;
  double number_or(const std::string& key, double fallback, double minimum, double maximum) const;
  bool boolean_or(const std::string& key, bool fallback) const;
  std::string string_or(const std::string& key, const std::string& fallback) const;
  const Json& at(const std::string& key) const;  // Error: missing
  JsonObject object(const std::string& key) const;

  const Json& json() const { return *value_; }
  const std::string& source() const { return source_; }

 private:
  const Json* value_;
  std::string source_;
};

}  // namespace t6
