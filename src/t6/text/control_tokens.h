// Control tokens that somebody typed stay text: marks inside their names, which a template carries along like any
// character, keep the tokenizer from reading them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "t6/text/tokenizer.h"

namespace t6 {

class ControlTokens {
 public:
  explicit ControlTokens(const Tokenizer& tokenizer);

  // `text` with a mark, the noncharacter U+FDD0, inside each control token's name; marks that it holds are left out.
  std::string marked(std::string_view text) const;

 private:
  std::vector<std::string> names_;
};

// `text` without its marks.
std::string without_marks(std::string_view text);

// Appends the ids of `text` from its byte `from` on, counted without marks; no token's name is read across a mark.
void encode_marked(const Tokenizer& tokenizer, std::string_view text, size_t from, std::vector<int32_t>& ids);

}  // namespace t6
