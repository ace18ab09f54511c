// A template's syntax tree from its source.
#pragma once

#include <string_view>

#include "t6/text/jinja/syntax.h"

namespace t6::jinja {

// Names are not bound yet. Error: no template; its message begins with the line.
Template parse(std::string_view source);

}  // namespace t6::jinja
