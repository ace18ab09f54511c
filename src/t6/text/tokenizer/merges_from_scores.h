// SentencePiece keeps a score for each token; tokenizer.json keeps merges.
#pragma once

#include <string_view>
#include <vector>

#include "t6/formats/json_object.h"

namespace t6 {

struct ScoredToken {
  std::string_view spelling;  // valid UTF-8
  double score;
};

// Every pair of tokens that together spell a third, best scores first and, where they are equal, as Hugging Face's
// converter orders them: longer left parts first. An array of pairs of spellings.
Json merges_from_scores(const std::vector<ScoredToken>& tokens);

}  // namespace t6
