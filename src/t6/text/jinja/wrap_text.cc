#include "t6/text/jinja/wrap_text.h"

#include <algorithm>

#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

using Points = std::vector<char32_t>;

bool is_blank(char32_t point) { return point == ' ' || (point >= 9 && point <= 13); }
bool is_letter(char32_t point) { return is_word_character(point) && !is_decimal(point); }
bool is_word_punctuation(char32_t point) {
  return is_word_character(point) ||
         (point < 0x80 && std::string_view("!\"'&.,?").find(static_cast<char>(point)) != std::string_view::npos);
}

// Takes a text apart where lines may break: at white space, after hyphens inside words, around dashes.
class Chunker {
 public:
  Chunker(const Points& text, bool hyphens) : text_(text), hyphens_(hyphens) {}

  std::vector<Points> run() const {
    std::vector<Points> chunks;
    for (size_t at = 0; at < text_.size();) {
      const size_t end = chunk_end(at);
      chunks.emplace_back(text_.begin() + static_cast<ptrdiff_t>(at), text_.begin() + static_cast<ptrdiff_t>(end));
      at = end;
    }
    return chunks;
  }

 private:
  bool letter(size_t at) const { return at < text_.size() && is_letter(text_[at]); }
  bool hyphen(size_t at) const { return at < text_.size() && text_[at] == '-'; }

  size_t chunk_end(size_t begin) const {
    size_t end = begin;
    if (is_blank(text_[begin])) {
      while (end < text_.size() && is_blank(text_[end])) ++end;
      return end;
    }
    if (const size_t dash = hyphens_ ? dash_end(begin) : begin; dash > begin) return dash;
    for (end = begin + 1; end < text_.size() && !is_blank(text_[end]); ++end) {
      if (!hyphens_) continue;
      if (breaks_after(end)) return end + 1;
      if (dash_end(end) > end) return end;
    }
    return end;
  }

  // The end of a dash of two or more hyphens between words; `begin` when there is none.
  size_t dash_end(size_t begin) const {
    if (begin == 0 || !is_word_punctuation(text_[begin - 1])) return begin;
    size_t end = begin;
    while (hyphen(end)) ++end;
    return end >= begin + 2 && end < text_.size() && is_word_character(text_[end]) ? end : begin;
  }

  bool breaks_after(size_t at) const {
    if (!hyphen(at)) return false;
    const bool two_letters = at >= 2 && letter(at - 2) && letter(at - 1);
    const bool letter_hyphen = at >= 3 && letter(at - 3) && hyphen(at - 2) && is_word_punctuation(text_[at - 1]);
    return (two_letters || letter_hyphen) && letter(at + 1) && (letter(at + 2) || (hyphen(at + 2) && letter(at + 3)));
  }

  const Points& text_;
  bool hyphens_;
};

bool is_white(const Points& chunk) { return std::all_of(chunk.begin(), chunk.end(), is_space); }

// Moves what fits of the long chunk at `*at` into the line.
void take_long(Points* chunk, size_t* at, std::vector<Points>* line, int64_t space, const WrapStyle& style) {
  if (!style.break_long_words) {
    if (line->empty()) {
      line->push_back(*chunk);
      ++*at;
    }
    return;
  }
  size_t end = static_cast<size_t>(std::max<int64_t>(space, 0));
  if (style.break_on_hyphens && chunk->size() > end) {
    size_t hyphen = end;
    while (hyphen > 0 && (*chunk)[hyphen - 1] != '-') --hyphen;  // one past it
    const auto last = chunk->begin() + static_cast<ptrdiff_t>(hyphen) - 1;
    if (hyphen > 1 && std::any_of(chunk->begin(), last, [](char32_t point) { return point != '-'; })) end = hyphen;
  }
  line->emplace_back(chunk->begin(), chunk->begin() + static_cast<ptrdiff_t>(end));
  chunk->erase(chunk->begin(), chunk->begin() + static_cast<ptrdiff_t>(end));
}

}  // namespace

std::vector<std::string> wrap_text(std::string_view text, const WrapStyle& style, Runtime* runtime) {
  require(style.width > 0, "invalid width {} (must be > 0)", style.width);
  const Points points = code_points(text);
  std::vector<Points> chunks = Chunker(points, style.break_on_hyphens).run();
  std::vector<std::string> lines;
  for (size_t at = 0; at < chunks.size();) {
    std::vector<Points> line;
    int64_t size = 0;
    if (!lines.empty() && is_white(chunks[at])) ++at;
    for (; at < chunks.size() && size + static_cast<int64_t>(chunks[at].size()) <= style.width; ++at) {
      size += static_cast<int64_t>(chunks[at].size());
      line.push_back(chunks[at]);
    }
    if (at < chunks.size() && static_cast<int64_t>(chunks[at].size()) > style.width) {
      runtime->charge(static_cast<int64_t>(chunks[at].size() / 16));
      take_long(&chunks[at], &at, &line, style.width - size, style);
    }
    if (!line.empty() && is_white(line.back())) line.pop_back();
    std::string out;
    for (const Points& chunk : line) out += to_utf8(chunk);
    runtime->charge(1);
    if (!line.empty()) lines.push_back(std::move(out));
  }
  return lines;
}

bool is_word_character(char32_t point) {
  return point == '_' || is_alphabetic(point) || is_numeric(point) || is_digit(point);
}

}  // namespace t6::jinja
