// Jinja2's filters, with transformers' tojson.
#pragma once

#include <string_view>

#include "t6/text/jinja/call_arguments.h"

namespace t6::jinja {

bool is_filter(std::string_view name);
// Error: no such filter.
Value call_filter(std::string_view name, const Value& value, const CallArguments& arguments, Runtime* runtime);

}  // namespace t6::jinja
