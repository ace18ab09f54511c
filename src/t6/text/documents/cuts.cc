#include "t6/text/documents/cuts.h"

namespace t6 {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The last place in (limit / 2, limit] that `fits`, or 0.
template <typename Fits>
size_t last_place(size_t limit, Fits fits) {
  for (size_t place = limit; place > limit / 2; --place) {
    if (fits(place)) return place;
  }
  return 0;
}

size_t end_of_character(std::string_view text, size_t limit) {
  for (size_t place = limit; place + 4 > limit; --place) {
    if (place == text.size() || !is_continuation(text[place])) return place;
  }
  return limit;  // not UTF-8: any place will do
}

// True if a character that is surely not white space begins at `place`. Of the lead bytes, c2, e1, e2 and e3 begin
// white space among others (U+00A0, U+1680, U+2003, U+3000); e3 is needed for Japanese, which begins e3 81 and above.
bool begins_word(std::string_view text, size_t place) {
  if (place == text.size()) return true;
  const auto lead = static_cast<unsigned char>(text[place]);
  if (lead < 0x80) return is_letter(text[place]) || is_digit(text[place]);
  if (lead == 0xe3) return place + 1 < text.size() && static_cast<unsigned char>(text[place + 1]) > 0x80;
  return lead > 0xc2 && lead != 0xe1 && lead != 0xe2;
}

// True if the character that ends at `place` is surely not white space.
bool ends_word(std::string_view text, size_t place) {
  const char last = text[place - 1];
  if (static_cast<unsigned char>(last) < 0x80) return last > ' ';
  size_t begin = place - 1;
  while (begin > 0 && place - begin < 4 && is_continuation(text[begin])) --begin;
  return begins_word(text, begin);
}

}  // namespace

size_t safe_cut(std::string_view text, size_t limit) {
  const auto line = [&](size_t place) {
    return place >= 2 && text[place - 1] == '\n' && ends_word(text, place - 1) && begins_word(text, place);
  };
  const auto space = [&](size_t place) {
    return place + 1 < text.size() && text[place] == ' ' && is_letter(text[place - 1]) && is_letter(text[place + 1]);
  };
  if (const size_t place = last_place(limit, line)) return place;
  if (const size_t place = last_place(limit, space)) return place;
  return end_of_character(text, limit);
}

size_t paragraph_cut(std::string_view text, size_t limit) {
  const auto line = [&](size_t place) { return text[place - 1] == '\n'; };
  const auto blank_line = [&](size_t place) {
    const std::string_view before = text.substr(0, place);
    // The whole of the blank stays with the paragraph before it.
    const bool goes_on = place < text.size() && (text[place] == '\n' || text[place] == '\r');
    return !goes_on && (before.ends_with("\n\n") || before.ends_with("\n\r\n"));
  };
  const auto word = [&](size_t place) { return place < text.size() && text[place] == ' '; };
  if (const size_t place = last_place(limit, blank_line)) return place;
  if (const size_t place = last_place(limit, line)) return place;
  if (const size_t place = last_place(limit, word)) return place;
  return end_of_character(text, limit);
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos; }

}  // namespace t6
