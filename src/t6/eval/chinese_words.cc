#include "t6/eval/chinese_words.h"

#include <algorithm>
#include <limits>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

std::filesystem::path existing(const std::filesystem::path& folder, const char* name) {
  std::filesystem::path path = folder / name;
  require(path_exists(path), "{}: no such file: scripts/fetch_chinese_words.sh fetches what cuts Chinese into words",
          path.string());
  return path;
}

WordList read_list(const std::filesystem::path& folder) {
  const std::filesystem::path path = existing(folder, "dict.txt");
  return {read_text(path), path.string()};
}

CharacterModel read_model(const std::filesystem::path& folder) {
  const std::filesystem::path path = existing(folder, "model.json");
  const Json model = read_json(path);
  return CharacterModel(JsonObject(model, path.string()));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// As jieba has it: Han characters of Unicode 8's first block, not those of its extensions.
bool is_han(char32_t point) { return point >= 0x4e00 && point <= 0x9fd5; }

// What words are made of that have more than one character.
bool is_part_of_words(char32_t point) {
  constexpr std::string_view kSigns = "+#&._%-";
  if (point >= 0x80) return is_han(point);
  const char c = static_cast<char>(point);
  return is_alphanumeric(c) || kSigns.find(c) != std::string_view::npos;
}

// Where the characters end that are all `wanted`, from `at` on.
template <typename Wanted>
size_t run_end(std::string_view text, size_t at, Wanted wanted) {
  while (at < text.size() && wanted(decode_utf8(text.substr(at)))) at += utf8_step(text, at).length;
  return at;
}

template <typename Wanted>
size_t byte_run_end(std::string_view text, size_t at, Wanted wanted) {
  while (at < text.size() && wanted(text[at])) ++at;
  return at;
}

// Where a number or word of ASCII ends that begins at `at`, as "3.14%"; `at` where none begins.
size_t ascii_word_end(std::string_view text, size_t at) {
  size_t end = byte_run_end(text, at, is_alphanumeric);
  if (end == at) return at;
  const size_t fraction = byte_run_end(text, std::min(end + 1, text.size()), is_digit);
  if (text.substr(end).starts_with('.') && fraction > end + 1) end = fraction;
  return end + text.substr(end).starts_with('%');
}

// Numbers and words of ASCII, and what stands between them.
void cut_ascii(std::string_view text, std::vector<std::string_view>& words) {
  for (size_t at = 0; at < text.size();) {
    size_t end = ascii_word_end(text, at);
    if (end == at) end = byte_run_end(text, at, [](char c) { return !is_alphanumeric(c); });
    words.push_back(text.substr(at, end - at));
    at = end;
  }
}

void cut_characters(std::string_view text, std::vector<std::string_view>& words) {
  for (size_t at = 0; at < text.size(); at += words.back().size()) {
    words.push_back(text.substr(at, utf8_step(text, at).length));
  }
}

// Where each character of `text` begins, and its end.
std::vector<size_t> boundaries(std::string_view text) {
  std::vector<size_t> starts = {0};
  while (starts.back() < text.size()) starts.push_back(starts.back() + utf8_step(text, starts.back()).length);
  return starts;
}

// The path through `text` whose words are likeliest together: for each boundary the one at which a word ends that
// begins there. Of equally likely words the longest.
std::vector<size_t> likeliest_path(const WordList& list, std::string_view text, const std::vector<size_t>& bounds) {
  const size_t characters = bounds.size() - 1;
  std::vector<size_t> ends(characters);
  std::vector<double> sums(characters + 1);
  for (size_t i = characters; i-- > 0;) {
    sums[i] = -std::numeric_limits<double>::infinity();
    WordList::Range range = list.all();
    for (size_t end = i + 1; end <= characters; ++end) {
      const std::string_view word = text.substr(bounds[i], bounds[end] - bounds[i]);
      range = WordList::beginning(range, word);
      const int64_t frequency = WordList::frequency(range, word);
      if (range.empty()) break;
      const double sum = list.log_probability(frequency) + sums[end];
      if (frequency == 0 || sum < sums[i]) continue;
      ends[i] = end;
      sums[i] = sum;
    }
    if (ends[i] > 0) continue;
    ends[i] = i + 1;  // a character with which no word begins here
    sums[i] = list.log_probability(0) + sums[i + 1];
  }
  return ends;
}

}  // namespace

ChineseWords::ChineseWords(const std::filesystem::path& folder)
    : list_(read_list(folder)), model_(read_model(folder)) {}

std::vector<std::string_view> ChineseWords::cut(std::string_view text) const {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = run_end(text, at, is_part_of_words);
    if (end > at) {
      cut_run(text.substr(at, end - at), words);
      at = end;
    } else {
      words.push_back(text.substr(at, text.substr(at).starts_with("\r\n") ? 2 : utf8_step(text, at).length));
      at += words.back().size();
    }
  }
  return words;
}

void ChineseWords::cut_run(std::string_view run, std::vector<std::string_view>& words) const {
  const std::vector<size_t> bounds = boundaries(run);
  const std::vector<size_t> ends = likeliest_path(list_, run, bounds);
  size_t unknown = 0;  // where characters begin that stand alone on the path
  for (size_t i = 0; i < ends.size(); i = ends[i]) {
    if (ends[i] == i + 1) continue;
    cut_unknown(run.substr(unknown, bounds[i] - unknown), words);
    words.push_back(run.substr(bounds[i], bounds[ends[i]] - bounds[i]));
    unknown = bounds[ends[i]];
  }
  cut_unknown(run.substr(unknown), words);
}

// Characters that stand alone on the path: words that the list does not know, or, where it has them all as one word,
// words by themselves.
void ChineseWords::cut_unknown(std::string_view text, std::vector<std::string_view>& words) const {
  if (text.empty()) return;
  if (utf8_step(text, 0).length == text.size() || list_.frequency(text) > 0) return cut_characters(text, words);
  for (size_t at = 0; at < text.size();) {
    const size_t han = run_end(text, at, is_han);
    model_.cut(text.substr(at, han - at), words);
    at = run_end(text, han, [](char32_t point) { return !is_han(point); });
    cut_ascii(text.substr(han, at - han), words);
  }
}

}  // namespace t6
