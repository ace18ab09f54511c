#include "t6/text/tokenizer/byte_level.h"

#include <array>

#include "t6/text/utf8.h"

namespace t6 {
namespace {

constexpr int kNoByte = -1;

struct Alphabet {
  std::array<char32_t, 256> character;
  std::array<int, 0x180> byte;  // by character; the last one in use is U+0143

  Alphabet() {
    byte.fill(kNoByte);
    char32_t next = 0x100;
    for (int value = 0; value < 256; ++value) {
      const bool printable = (value >= '!' && value <= '~') || (value >= 0xA1 && value <= 0xAC) || value >= 0xAE;
      character[value] = printable ? static_cast<char32_t>(value) : next++;
      byte[character[value]] = value;
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet shared;
  return shared;
}

}  // namespace

char32_t byte_level_character(unsigned char byte) { return alphabet().character[byte]; }

std::string byte_level_spelling(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) append_utf8(byte_level_character(static_cast<unsigned char>(byte)), spelling);
  return spelling;
}

std::optional<std::string> byte_level_bytes(std::string_view spelling) {
  std::string bytes;
  while (!spelling.empty()) {
    const char32_t character = decode_utf8(spelling);
    const int byte = character < alphabet().byte.size() ? alphabet().byte[character] : kNoByte;
    if (byte == kNoByte) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    spelling.remove_prefix(utf8_step(spelling, 0).length);
  }
  return bytes;
}

}  // namespace t6
