// How often a page holds a text; figures that are none.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

namespace t6 {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

inline size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace t6
