// What strings of a format look like, as regular expressions.
#pragma once

#include <string>
#include <string_view>

namespace t6 {

// An expression whose texts all have the format, not always all that do; empty: the format is not known.
std::string_view format_expression(std::string_view format);
// "date, date-time, ..."
std::string format_names();

}  // namespace t6
