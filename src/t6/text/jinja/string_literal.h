// Literals of strings and numbers, as Python reads them.
#pragma once

#include <string>
#include <string_view>

#include "t6/text/jinja/value.h"

namespace t6::jinja {

// What stands between a string's quotes, with its escapes replaced. Error: an escape that is none.
std::string unescape(std::string_view literal);

struct NumberLiteral {
  Value value;  // missing: an integer of more than 64 bits
  size_t size = 0;
};

// The number at the beginning of `text`, which begins with a digit. After a dot it is an integer ("x.0.1").
NumberLiteral number_literal(std::string_view text, bool after_dot);

}  // namespace t6::jinja
