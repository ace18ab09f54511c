// Python's text % values.
#pragma once

#include "t6/text/jinja/runtime.h"

namespace t6::jinja {

// `values` is a tuple, a dict for formats such as %(name)s, or the one value.
Value percent_format(const Text& format, const Value& values, Runtime* runtime);

}  // namespace t6::jinja
