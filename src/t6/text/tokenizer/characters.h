// Classes of Unicode characters: white space, and what makes up words.
#pragma once

namespace t6 {

bool is_white_space(char32_t character);     // Unicode's White_Space
bool is_word_character(char32_t character);  // \w of UTS 18: letters, marks, decimal digits, connectors, joiners

}  // namespace t6
