#include "t6/eval/chinese/word_list.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "t6/core/error.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

// All of them are exact as double.
constexpr int64_t kMostFrequent = int64_t{1} << 53;

size_t characters_of(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += utf8_step(text, at).length) ++count;
  return count;
}

int64_t read_frequency(std::string_view digits, const std::string& where) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  require(error == std::errc() && end == digits.data() + digits.size() && value >= 0 && value <= kMostFrequent,
          "{}: the frequency is \"{}\"; wanted is an integer from 0 to {}", where, digits, kMostFrequent);
  return value;
}

bool is_before(const FrequentWord& a, const FrequentWord& b) { return a.text < b.text; }

}  // namespace

WordList::WordList(std::string text, const std::string& source) : text_(std::move(text)) {
  const std::string_view all = text_;
  int64_t line = 1;
  for (size_t at = 0; at < all.size(); ++line) {
    const size_t end = std::min(all.find('\n', at), all.size());
    add(all.substr(at, end - at), fmt::format("{}:{}", source, line));
    at = end + 1;
  }
  require(total_ > 0, "{}: there is no word that is frequent", source);
  log_total_ = std::log(static_cast<double>(total_));
  std::stable_sort(words_.begin(), words_.end(), is_before);
  const auto is_same = [](const FrequentWord& a, const FrequentWord& b) { return a.text == b.text; };
  words_.erase(words_.begin(), std::unique(words_.rbegin(), words_.rend(), is_same).base());
}

void WordList::add(std::string_view line, const std::string& where) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  require(is_valid_utf8(line), "{}: not UTF-8", where);
  const size_t space = line.find(' ');
  require(space != 0 && space != std::string_view::npos, "{}: wanted is a word, a space and its frequency", where);
  FrequentWord word{line.substr(0, space)};
  require(characters_of(word.text) <= kMostCharacters, "{}: a word of more than {} characters", where, kMostCharacters);
  const std::string_view rest = line.substr(space + 1);
  word.frequency = read_frequency(rest.substr(0, rest.find(' ')), where);
  total_ += word.frequency;
  require(total_ <= kMostFrequent, "{}: the frequencies up to here are more than {} together", where, kMostFrequent);
  words_.push_back(word);
}

WordList::Range WordList::beginning(Range range, std::string_view text) {
  const auto cut = [&](const FrequentWord& word) { return word.text.substr(0, text.size()); };
  const auto found = std::ranges::equal_range(range, text, {}, cut);
  return {found.begin(), found.end()};
}

int64_t WordList::frequency(Range range, std::string_view text) {
  return !range.empty() && range.front().text.size() == text.size() ? range.front().frequency : 0;
}

double WordList::log_probability(int64_t frequency) const {
  return std::log(static_cast<double>(std::max<int64_t>(frequency, 1))) - log_total_;
}

}  // namespace t6
