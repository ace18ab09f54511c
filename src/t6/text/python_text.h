// Texts as Python's str and re see them, for figures that must be those of programs in Python. Texts are valid UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace t6 {

std::string python_lower(std::string_view text);                      // str.lower
std::string_view python_strip(std::string_view text);                 // str.strip
std::vector<std::string_view> python_split(std::string_view text);    // str.split: at white space
std::vector<char32_t> python_code_points(std::string_view text);      // what len and indices count
std::vector<std::string_view> python_words(std::string_view text);    // re.findall(r"\w+", text)
std::vector<std::string_view> python_numbers(std::string_view text);  // re.findall(r"\d+", text)

}  // namespace t6
