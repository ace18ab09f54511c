#include "t6/text/tokenizer/merges_from_scores.h"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <unordered_set>

#include "t6/formats/json.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

struct Candidate {
  double score;
  size_t left_characters, right_characters;
  std::string_view left, right;

  auto order() const { return std::tuple(score, left_characters, right_characters); }
};

std::vector<size_t> character_begins(std::string_view text) {
  std::vector<size_t> begins;
  for (size_t at = 0; at < text.size(); at += utf8_step(text, at).length) begins.push_back(at);
  return begins;
}

}  // namespace

Json merges_from_scores(const std::vector<ScoredToken>& tokens) {
  std::unordered_set<std::string_view> known;
  for (const ScoredToken& token : tokens) known.insert(token.spelling);
  std::vector<Candidate> candidates;
  for (const auto& [spelling, score] : tokens) {
    const std::vector<size_t> begins = character_begins(spelling);
    for (size_t i = 1; i < begins.size(); ++i) {
      const std::string_view left = spelling.substr(0, begins[i]), right = spelling.substr(begins[i]);
      if (known.contains(left) && known.contains(right)) {
        candidates.push_back({score, i, begins.size() - i, left, right});
      }
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.order() > b.order(); });
  Json merges = Json::array();
  for (const Candidate& candidate : candidates) merges.push_back({candidate.left, candidate.right});
  return merges;
}

}  // namespace t6
