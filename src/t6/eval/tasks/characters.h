// The little that prompts need to know of characters, as Python knows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace t6 {

int64_t count_characters(std::string_view text);  // code points of UTF-8

// Bytes of the white space at the end of `text`, Unicode's too.
size_t trailing_space(std::string_view text);

// HellaSwag's texts: " [title]" is a full stop, other brackets go with what is between them, as long as that is on one
// line, and pairs of spaces become one.
std::string remove_brackets(std::string text);

// A choice's index as a number, or as a letter of "A", "B", ... Error: neither, or not below `count`; `source` begins
// the message.
int64_t parse_answer(std::string_view text, size_t count, const std::string& source);

}  // namespace t6
