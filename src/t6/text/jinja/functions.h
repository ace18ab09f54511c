// The functions that templates find by name: range, dict, namespace, cycler, joiner, raise_exception, strftime_now.
#pragma once

#include <string_view>

#include "t6/text/jinja/call_arguments.h"

namespace t6::jinja {

// Missing when there is none.
Value find_function(std::string_view name);
Value call_function(const Function& function, const CallArguments& arguments, Runtime* runtime);

}  // namespace t6::jinja
