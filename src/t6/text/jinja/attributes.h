// value.name, value[index] and value[start:stop:step], in Jinja2's sandbox.
#pragma once

#include <string_view>

#include "t6/text/jinja/runtime.h"

namespace t6::jinja {

// The attribute, or else the item of that name. Undefined when there is none, or when it would change the value.
Value get_attribute(const Value& value, std::string_view name, Runtime* runtime);
// The item, or else the attribute.
Value get_item(const Value& value, const Value& index, Runtime* runtime);
// Bounds that are missing are none. Error: not a text, list or range, or a bound that is no integer.
Value get_slice(const Value& value, const Value& start, const Value& stop, const Value& step, Runtime* runtime);

// Whether the value has the attribute itself, not as an item.
bool has_attribute(const Value& value, std::string_view name);

}  // namespace t6::jinja
