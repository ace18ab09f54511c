// Words and how frequent they are, found by what they begin with.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace t6 {

struct FrequentWord {
  std::string_view text;
  int64_t frequency = 0;
};

// A list as jieba's dict.txt. Words are slices of a text that it owns, so that it stays where it was made.
class WordList {
 public:
  // Lines "WORD FREQUENCY" or "WORD FREQUENCY TAG", of which the tag says nothing here. The last line of a word counts;
  // all add to the total. `source` names the text in errors. Errors, with the line: not such a line, invalid UTF-8, a
  // word of more than kMostCharacters, frequencies that are no integers from 0 or too large; nothing frequent at all.
  WordList(std::string text, const std::string& source);
  WordList(const WordList&) = delete;
  WordList& operator=(const WordList&) = delete;

  // What the longest word may have, so that a path through a text takes time in proportion to its length.
  static constexpr size_t kMostCharacters = 64;

  // Neighbours in the list that all begin with the same text.
  using Range = std::span<const FrequentWord>;
  Range all() const { return words_; }
  // Those of `range` that begin with `text`, which is longer than what all of `range` begin with.
  static Range beginning(Range range, std::string_view text);
  // How frequent the word `text` is of which all of `range` are the beginnings; 0 where it is none.
  static int64_t frequency(Range range, std::string_view text);
  int64_t frequency(std::string_view word) const { return frequency(beginning(all(), word), word); }

  // Of a word so frequent, or of a character that is no word (0).
  double log_probability(int64_t frequency) const;

 private:
  void add(std::string_view line, const std::string& where);

  std::string text_;
  std::vector<FrequentWord> words_;  // in the order of their bytes, each once
  int64_t total_ = 0;
  double log_total_ = 0;
};

}  // namespace t6
