#include "t6/formats/json.h"

#include <cmath>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"

namespace t6 {
namespace {

// Deeper than any file that we read (tokenizer.json has 8 levels); bounds the recursion of whoever walks the
// value.
constexpr int kMaxDepth = 64;

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

Json parse_json(std::string_view text, const std::string& source) {
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  const auto require_shallow = [&] { require(!too_deep, "{}: JSON nested deeper than {} levels", source, kMaxDepth); };
  Json value;
  try {
    value = Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& error) {
    require_shallow();
    const std::string message = error.what();
    fail("{}: not valid JSON: {}", source, message.substr(message.find("] ") + 2));
  }
  require_shallow();
  return value;
}

Json read_json(const std::filesystem::path& path) { return parse_json(MappedFile(path).text(), path.string()); }

void write_json(const std::filesystem::path& path, const Json& value) { write_text(path, value.dump(2) + "\n"); }

JsonObject::JsonObject(const Json& value, std::string source) : value_(&value), source_(std::move(source)) {
  if (!value.is_object()) fail("{}: wanted a JSON object, found {}", source_, shown(value));
}

bool JsonObject::has(const std::string& key) const {
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

const Json& JsonObject::at(const std::string& key) const {
  require(has(key), "{}: the key \"{}\" is missing", source_, key);
  return *value_->find(key);
}

JsonObject JsonObject::object(const std::string& key) const { return {at(key), source_ + ": " + key}; }

int64_t JsonObject::integer(const std::string& key, int64_t minimum, int64_t maximum) const {
  const Json& value = at(key);
  const bool fits =
      value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX});
  require(fits && value.get<int64_t>() >= minimum && value.get<int64_t>() <= maximum,
          "{}: \"{}\" must be a whole number from {} to {}, not {}", source_, key, minimum, maximum, shown(value));
  return value.get<int64_t>();
}

double JsonObject::number(const std::string& key, double minimum, double maximum) const {
  const Json& value = at(key);
  require(value.is_number() && value.get<double>() >= minimum && value.get<double>() <= maximum,
          "{}: \"{}\" must be a number from {} to {}, not {}", source_, key, minimum, maximum, shown(value));
  return value.get<double>();
}

bool JsonObject::boolean(const std::string& key) const {
  const Json& value = at(key);
  require(value.is_boolean(), "{}: \"{}\" must be true or false, not {}", source_, key, shown(value));
  return value.get<bool>();
}

std::string JsonObject::string(const std::string& key) const {
  const Json& value = at(key);
  require(value.is_string(), "{}: \"{}\" must be a string, not {}", source_, key, shown(value));
  return value.get<std::string>();
}

int64_t JsonObject::integer_or(const std::string& key, int64_t fallback, int64_t minimum, int64_t maximum) const {
  return has(key) ? integer(key, minimum, maximum) : fallback;
}
double JsonObject::number_or(const std::string& key, double fallback, double minimum, double maximum) const {
  return has(key) ? number(key, minimum, maximum) : fallback;
}
bool JsonObject::boolean_or(const std::string& key, bool fallback) const { return has(key) ? boolean(key) : fallback; }
std::string JsonObject::string_or(const std::string& key, const std::string& fallback) const {
  return has(key) ? string(key) : fallback;
}

}  // namespace t6
