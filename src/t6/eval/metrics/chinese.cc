// LongBench's metrics of Chinese answers: those of English ones, of the words into which jieba cuts them.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "t6/eval/metrics/metrics.h"
#include "t6/text/python_text.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

// What LongBench takes for punctuation beside that of ASCII, from the first to the last of each row. It has neither
// U+FF0E (a full-width full stop) nor U+300A (what opens before U+300B closes).
constexpr char32_t kPunctuation[][2] = {{0x2013, 0x2014}, {0x2018, 0x2019}, {0x201b, 0x201f}, {0x2026, 0x2027},
                                        {0x3001, 0x3003}, {0x300b, 0x3011}, {0x3014, 0x301f}, {0x3030, 0x3030},
                                        {0x303e, 0x303f}, {0xfe4f, 0xfe4f}, {0xff01, 0xff0d}, {0xff0f, 0xff0f},
                                        {0xff1a, 0xff20}, {0xff3b, 0xff40}, {0xff5b, 0xff64}};

bool is_punctuation(char32_t point) {
  if (point < 0x80) return std::ispunct(static_cast<int>(point)) != 0;
  return std::ranges::any_of(kPunctuation, [&](const auto& row) { return point >= row[0] && point <= row[1]; });
}

// In lower case, without punctuation and white space.
std::string normalized_word(std::string_view word) {
  std::string kept, out;
  for (const char32_t point : python_code_points(python_lower(word))) {
    if (!is_punctuation(point)) append_utf8(point, kept);
  }
  for (const std::string_view part : python_split(kept)) out += part;
  return out;
}

std::vector<std::string> normalized_words(const ChineseWords& words, std::string_view text) {
  std::vector<std::string> all;
  std::ranges::transform(words.cut(text), std::back_inserter(all), normalized_word);
  std::erase_if(all, [](const std::string& word) { return word.empty(); });
  return all;
}

std::string spaced_words(const ChineseWords& words, std::string_view text) {
  return fmt::format("{}", fmt::join(words.cut(text), " "));
}

}  // namespace

double chinese_f1(const ChineseWords& words, std::string_view written, std::string_view right) {
  const std::vector<std::string> left = normalized_words(words, written), reference = normalized_words(words, right);
  return words_f1({left.begin(), left.end()}, {reference.begin(), reference.end()});
}

double chinese_rouge_l(const ChineseWords& words, std::string_view written, std::string_view right) {
  return rouge_l(spaced_words(words, written), spaced_words(words, right));
}

}  // namespace t6
