// Attributes and methods of namespaces, loops, macros and other objects.
#pragma once

#include <string_view>

#include "t6/text/jinja/call_arguments.h"

namespace t6::jinja {

// Missing when there is none.
Value object_attribute(const Value& object, std::string_view name, Runtime* runtime);
Value call_object_method(const Method& method, const CallArguments& arguments, Runtime* runtime);

}  // namespace t6::jinja
