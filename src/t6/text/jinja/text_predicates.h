// Python's str.isdigit and the like.
#pragma once

#include <string_view>

namespace t6::jinja {

// name: isalnum, isalpha, isascii, isdecimal, isdigit, isidentifier, islower, isnumeric, isprintable, isspace, istitle,
// isupper.
bool text_predicate(std::string_view name, std::string_view text);

}  // namespace t6::jinja
