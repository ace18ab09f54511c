// F1 of the words that two answers have in common.
#include <algorithm>
#include <cctype>
#include <map>

#include "t6/eval/metrics/metrics.h"
#include "t6/text/python_text.h"

namespace t6 {
namespace {

// `text` without those of its words that `left_out` names.
std::string without_words(std::string_view text, std::span<const std::string_view> left_out) {
  std::string out;
  size_t at = 0;
  for (const std::string_view word : python_words(text)) {
    if (std::find(left_out.begin(), left_out.end(), word) == left_out.end()) continue;
    const auto begin = static_cast<size_t>(word.data() - text.data());
    out.append(text.substr(at, begin - at)).append(" ");
    at = begin + word.size();
  }
  return out.append(text.substr(at));
}

}  // namespace

std::string normalized_answer(std::string_view text) {
  constexpr std::string_view kArticles[] = {"a", "an", "the"};
  std::string lower = python_lower(text);
  std::erase_if(lower, [](char c) { return c > 0 && std::ispunct(static_cast<unsigned char>(c)); });
  std::string out;
  const std::string words = without_words(lower, kArticles);
  for (const std::string_view word : python_split(words)) out.append(out.empty() ? "" : " ").append(word);
  return out;
}

double words_f1(const std::vector<std::string_view>& left, const std::vector<std::string_view>& right) {
  std::map<std::string_view, int> counts;
  for (const std::string_view word : right) ++counts[word];
  double common = 0;
  for (const std::string_view word : left) {
    const auto found = counts.find(word);
    if (found != counts.end() && found->second-- > 0) ++common;
  }
  if (common == 0) return 0;
  const double precision = common / static_cast<double>(left.size());
  const double recall = common / static_cast<double>(right.size());
  return 2 * precision * recall / (precision + recall);
}

double token_f1(std::string_view written, std::string_view right) {
  const std::string left_text = normalized_answer(written), right_text = normalized_answer(right);
  return words_f1(python_split(left_text), python_split(right_text));
}

}  // namespace t6
