// Jinja2's tests: value is name(arguments).
#pragma once

#include <string_view>

#include "t6/text/jinja/call_arguments.h"

namespace t6::jinja {

bool is_test(std::string_view name);
// Error: no such test.
bool call_test(std::string_view name, const Value& value, const CallArguments& arguments, Runtime* runtime);

}  // namespace t6::jinja
