// The alphabet of byte-level BPE: GPT-2 spells every byte as one printable character, so that a vocabulary is text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace t6 {

// The character of `byte`: itself where Latin-1 prints it, else the next of U+0100, U+0101, ...
char32_t byte_level_character(unsigned char byte);

// " the" -> "Ġthe".
std::string byte_level_spelling(std::string_view bytes);

// "Ġthe" -> " the". None when a character is not of the alphabet. `spelling` is valid UTF-8.
std::optional<std::string> byte_level_bytes(std::string_view spelling);

}  // namespace t6
