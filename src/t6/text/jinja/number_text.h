// Numbers as text, for both of Python's ways to format, and text as numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "t6/text/jinja/value.h"

namespace t6::jinja {

// |integer| in a base from 2 to 16.
std::string digits_of(int64_t integer, int base, bool upper);
// |number| in the style e, E, f, F, g or G of printf. alternate: keeps the point and trailing zeros.
std::string float_digits(double number, char style, int precision, bool alternate);

// int(text, base) and float(text). False: the text is no number. Error: an integer of more than 64 bits.
bool parse_integer(std::string_view text, int base, int64_t* integer);
bool parse_float(std::string_view text, double* number);

}  // namespace t6::jinja
