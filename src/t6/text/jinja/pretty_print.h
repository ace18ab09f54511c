// Python's pprint.pformat.
#pragma once

#include <string>

#include "t6/text/jinja/runtime.h"

namespace t6::jinja {

std::string pretty_print(const Value& value, Runtime* runtime);

}  // namespace t6::jinja
