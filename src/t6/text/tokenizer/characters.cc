#include "t6/text/tokenizer/characters.h"

#include "t6/text/tokenizer/pattern.h"
#include "t6/text/tokenizer/unicode_additions.h"
#include "t6/text/utf8.h"

namespace t6 {

bool is_white_space(char32_t character) {
  return (character >= 0x09 && character <= 0x0D) || character == 0x20 || character == 0x85 || character == 0xA0 ||
         character == 0x1680 || (character >= 0x2000 && character <= 0x200A) || character == 0x2028 ||
         character == 0x2029 || character == 0x202F || character == 0x205F || character == 0x3000;
}

bool is_word_character(char32_t character) {
  static const Pattern word(R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200c}\x{200d})" + unicode_additions("L") +
                                unicode_additions("M") + unicode_additions("Nd") + unicode_additions("Pc") + "]",
                            false, "word characters");
  std::string text;
  append_utf8(character, text);
  Pattern::Scratch scratch;
  return word.find(text, 0, scratch).has_value();
}

}  // namespace t6
