// ROUGE-L as the Python package rouge has it: of different words, with the union of the longest common subsequences of
// each pair of sentences.
#include <algorithm>
#include <cstdint>
#include <set>
#include <unordered_map>

#include "t6/core/error.h"
#include "t6/eval/metrics/metrics.h"
#include "t6/text/python_text.h"

namespace t6 {
namespace {

// Pairs of words that are compared: some seconds, and a bit for each of two sentences, 128 MiB at most.
constexpr size_t kMostPairs = size_t{1} << 30;

using Sentence = std::vector<int>;  // of numbers that stand for words

class Words {
 public:
  // Between dots; one of nothing but white space has one word, the empty one.
  std::vector<Sentence> sentences(std::string_view text) {
    std::vector<Sentence> all;
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find('.', begin), text.size());
      if (end > begin) all.push_back(sentence(text.substr(begin, end - begin)));
      begin = end + 1;
    }
    return all;
  }

 private:
  Sentence sentence(std::string_view text) {
    Sentence words;
    for (const std::string_view word : python_split(text)) words.push_back(number(word));
    if (words.empty()) words.push_back(number(""));
    return words;
  }

  int number(std::string_view word) {
    return numbers_.try_emplace(std::string(word), static_cast<int>(numbers_.size())).first->second;
  }

  std::unordered_map<std::string, int> numbers_;
};

// Adds the words of one longest common subsequence: of several the one that is found from the end, going back in `b`
// where both ways are equally good.
void add_common(const Sentence& a, const Sentence& b, std::set<int>& words) {
  const size_t width = b.size() + 1;
  std::vector<bool> goes_back_in_a((a.size() + 1) * width);
  std::vector<uint32_t> above(width), row(width);
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      goes_back_in_a[i * width + j] = above[j] > row[j - 1];
      row[j] = a[i - 1] == b[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
    }
    std::swap(above, row);
  }
  for (size_t i = a.size(), j = b.size(); i > 0 && j > 0;) {
    if (a[i - 1] == b[j - 1]) {
      words.insert(a[--i]);
      --j;
    } else if (goes_back_in_a[i * width + j]) {
      --i;
    } else {
      --j;
    }
  }
}

size_t all_words(const std::vector<Sentence>& sentences) {
  size_t words = 0;
  for (const Sentence& sentence : sentences) words += sentence.size() + 1;
  return words;
}

double different_words(const std::vector<Sentence>& sentences) {
  std::set<int> words;
  for (const Sentence& sentence : sentences) words.insert(sentence.begin(), sentence.end());
  return static_cast<double>(words.size());
}

}  // namespace

double rouge_l(std::string_view written, std::string_view right) {
  Words numbers;
  const std::vector<Sentence> left = numbers.sentences(written), reference = numbers.sentences(right);
  if (left.empty() || reference.empty()) return 0;
  require(all_words(left) <= kMostPairs / all_words(reference), "texts of {} and {} words are too long for ROUGE-L",
          all_words(left), all_words(reference));
  std::set<int> common;
  for (const Sentence& sentence : reference) {
    for (const Sentence& other : left) add_common(sentence, other, common);
  }
  const auto count = static_cast<double>(common.size());
  const double recall = count / different_words(reference), precision = count / different_words(left);
  return 2 * (precision * recall / (precision + recall + 1e-8));
}

}  // namespace t6
