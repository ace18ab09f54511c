// Haystacks, and needles put into them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "t6/core/random.h"

namespace t6 {

// What lies between words.
inline constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

// RULER's five sentences again and again, five a line; the last line may have fewer. `sentences` >= 0.
std::vector<std::string> noise_lines(int64_t sentences);

// The first `words` words of a text, again from its beginning where it ends, as sentences: these end at '.', '!' or
// '?'. RULER's noise where the text has no word.
std::vector<std::string> text_sentences(std::string_view text, int64_t words);

// Puts the needles between the pieces, in their order, at random places; a single one at `depth` per cent, if given.
void hide(std::vector<std::string>& pieces, const std::vector<std::string>& needles, std::optional<int64_t> depth,
          Random& random);

}  // namespace t6
