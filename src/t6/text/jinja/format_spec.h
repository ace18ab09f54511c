// Python's format(value, spec) and str.format.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "t6/text/jinja/runtime.h"

namespace t6::jinja {

// The value in the style of a specification such as ">8.2f". Error: none for values of this type.
std::string format_value(const Value& value, std::string_view spec, Runtime* runtime);

// How a field such as {0}, {name.attribute} or {list[1]} finds its value.
struct FormatFields {
  std::function<Value(size_t index)> positional;
  std::function<Value(const std::string& name)> named;
  std::function<Value(const Value& value, const std::string& name)> attribute;
  std::function<Value(const Value& value, const Value& index)> item;
};
Value format_text(const Text& format, const FormatFields& fields, Runtime* runtime);

}  // namespace t6::jinja
