// Strings as Python sees them: sequences of code points, kept as valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace t6::jinja {

// A copy in which every byte that is no part of valid UTF-8 is U+FFFD.
std::string valid_utf8(std::string_view bytes);

int64_t count_code_points(std::string_view text);
// The byte at which code point `index` begins; text.size() when there are fewer.
size_t byte_offset(std::string_view text, int64_t index);
// The code point that begins at `*at`, which moves on to the next.
char32_t next_code_point(std::string_view text, size_t* at);
void append_code_point(std::string* text, char32_t point);
std::vector<char32_t> code_points(std::string_view text);
std::string to_utf8(const std::vector<char32_t>& points);

// Python's str.isspace and so on, for one code point.
bool is_space(char32_t point);
bool is_line_break(char32_t point);
bool is_alphabetic(char32_t point);
inline bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
bool is_decimal(char32_t point);
bool is_digit(char32_t point);
bool is_numeric(char32_t point);
bool is_upper(char32_t point);
bool is_lower(char32_t point);
bool is_title(char32_t point);
bool is_printable(char32_t point);
// The value of a decimal digit of any script, -1 for other characters.
int decimal_value(char32_t point);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string title(std::string_view text);
std::string capitalize(std::string_view text);
std::string swapcase(std::string_view text);
std::string casefold(std::string_view text);

}  // namespace t6::jinja
