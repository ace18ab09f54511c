// Binds the names of a syntax tree to variables, and checks what can only be checked where the scopes are known.
#pragma once

#include "t6/text/jinja/syntax.h"

namespace t6::jinja {

// Error, beginning with the line: a filter or test that is not known and that no condition guards, break outside of a
// loop.
void bind_names(Template* parsed);

}  // namespace t6::jinja
