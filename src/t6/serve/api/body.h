// The body of a request: a JSON object whose keys are asked for one by one, so that a key that nobody knows is an error
// and never passed over.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "t6/serve/api/json_text.h"

namespace t6 {

// Errors are ApiErrors of status 400 that name the key, what was found and what was wanted. Null is as absent.
class Body {
 public:
  // Errors: not JSON, not an object, nested too deeply.
  explicit Body(std::string_view text);

  bool has(const std::string& key);
  const OrderedJson* find(const std::string& key);  // null: absent
  const OrderedJson& at(const std::string& key);    // Error: absent
  int64_t integer(const std::string& key, int64_t fallback, int64_t least, int64_t most);
  double number(const std::string& key, double fallback, double least, double most);
  bool boolean(const std::string& key, bool fallback);
  std::string string(const std::string& key, const std::string& fallback = {});
  std::optional<std::string> optional_string(const std::string& key);
  std::vector<std::string> strings(const std::string& key, size_t most);  // one, or a list of them
  std::vector<int32_t> ids(const std::string& key, size_t most, int64_t vocab_size);

  // Keys that change nothing here: what a client says for its own books.
  void pass_over(std::initializer_list<const char*> keys);
  // Error where `key` is there with another value than one of these.
  void only(const std::string& key, const std::vector<OrderedJson>& values, const std::string& why);
  // Error for a key that nobody asked for. Call it when all is read.
  void finish() const;

 private:
  OrderedJson json_;
  std::set<std::string, std::less<>> known_;
};

// `found` as an error shows it: shortened.
std::string shown(const OrderedJson& found);

// Error for a key of `object` that is not one of these, unless it is null; `where` names the object.
void only_keys(const OrderedJson& object, std::initializer_list<std::string_view> known, const std::string& where);

[[noreturn]] void bad_value(const std::string& key, const OrderedJson& found, const std::string& wanted);

// What an object has at `key`, null where it has nothing. text_at: that text; bad_value where it is none.
OrderedJson at(const OrderedJson& object, const char* key);
const std::string& text_at(const OrderedJson& object, const char* key, const std::string& where);

}  // namespace t6
