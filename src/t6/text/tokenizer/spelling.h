// How a tokenizer.json spells tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace t6 {

enum class Spelling {
  byte_level,     // every byte as one printable character of GPT-2's alphabet (byte_level.h)
  sentence_piece  // text with U+2581 for a space; "<0x0A>" is a byte of characters that no token spells
};

inline constexpr std::string_view kSpaceMark = "\u2581";

// What decoding gives for a token. A spelling that is none, as of added tokens, stands for itself.
std::string decoded_bytes(Spelling spelling, std::string_view token);

// "<0x0A>"
std::string byte_token(int byte);

}  // namespace t6
