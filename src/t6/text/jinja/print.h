// Values as text: Python's str, repr and json.dumps.
#pragma once

#include <string>
#include <string_view>

#include "t6/text/jinja/runtime.h"

namespace t6::jinja {

std::string str(const Value& value, Runtime* runtime);
std::string repr(const Value& value, Runtime* runtime);
std::string repr(std::string_view text);
std::string repr(double number);

struct JsonStyle {
  bool ascii = false;   // write other characters as escapes
  bool pretty = false;  // a line for each item
  std::string indent;
  std::string item_separator;
  std::string key_separator;
  bool sort_keys = false;
};
// Error: a value that JSON does not have.
std::string json(const Value& value, const JsonStyle& style, Runtime* runtime);

}  // namespace t6::jinja
