// Common and frequent words: what stands most often in a list.
#include <set>

#include "t6/core/error.h"
#include "t6/tasks/make/makers.h"
#include "t6/tasks/make/vocabulary.h"

namespace t6 {
namespace {

constexpr size_t kCommon = 10;
constexpr int64_t kLong = 4096;  // RULER repeats words less often in shorter contexts

struct WordList {
  std::vector<std::string> common, entries;
};

WordList make_word_list(int64_t uncommon, int common_times, int uncommon_times, Random& random) {
  DistinctSecrets words(Secret::pair);
  WordList list;
  for (size_t i = 0; i < kCommon; ++i) {
    list.common.push_back(words.next(random));
    list.entries.insert(list.entries.end(), static_cast<size_t>(common_times), list.common.back());
  }
  for (int64_t i = 0; i < uncommon; ++i) {
    list.entries.insert(list.entries.end(), static_cast<size_t>(uncommon_times), words.next(random));
  }
  shuffle(list.entries, random);
  return list;
}

std::string list_question(const WordList& list) {
  return "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones "
         "that "
         "appear most often.\n" +
         numbered(list.entries) + "\nQuestion: What are the 10 most common words in the above list? ";
}

// How often the word of a rank from 1 on stands in `words` of Zeta(2), rounded down: words * 6 / (pi * rank)^2.
int64_t zeta_times(int64_t words, int64_t rank) { return words * 6'079'271 / (10'000'000 * rank * rank); }

}  // namespace

TaskDocument make_common_words(const TaskSettings& settings, int64_t, Random random, int64_t size) {
  const bool is_long = settings.length >= kLong;
  const WordList example = is_long ? make_word_list(30, 10, 3, random) : make_word_list(10, 3, 1, random);
  const WordList list = is_long ? make_word_list(size, 30, 3, random) : make_word_list(size, 6, 1, random);
  TaskDocument document;
  document.answer_prefix = "Answer: The top 10 words that appear most often in the list are:";
  document.answers = list.common;
  document.context = list_question(example) + document.answer_prefix + " " + numbered(example.common) + "\n" +
                     list_question(list) + document.answer_prefix;
  document.metric = "contains_all";
  document.max_tokens = 120;
  return document;
}

TaskDocument make_frequent_words(const TaskSettings&, int64_t, Random random, int64_t size) {
  constexpr int kLetters = 6;
  constexpr int64_t kLeast = 80;  // from here on the fifth word is rarer than the fourth
  const int64_t words = kLeast + size;
  TaskDocument document;
  std::set<std::string> drawn;
  std::vector<std::string> entries;
  for (int64_t rank = 1; zeta_times(words, rank) > 0; ++rank) {
    std::string word = "...";  // the most frequent one is noise
    if (rank > 1) {
      do word = random_letters(random, 'a', kLetters);
      while (!drawn.insert(word).second);
    }
    if (rank >= 2 && rank <= 4) document.answers.push_back(word);
    entries.insert(entries.end(), static_cast<size_t>(zeta_times(words, rank)), word);
  }
  shuffle(entries, random);
  document.answer_prefix = "Answer: According to the coded text above, the three most frequently appeared words are:";
  document.context = fmt::format(
      "Read the following coded text and track the frequency of each coded word. Find the three most frequently "
      "appeared "
      "coded words. {}\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the three "
      "most "
      "frequently appeared words in the above coded text? {}",
      join(entries, " "), document.answer_prefix);
  document.metric = "contains_all";
  document.max_tokens = 50;
  return document;
}

}  // namespace t6
