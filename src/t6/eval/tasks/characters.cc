#include "t6/eval/tasks/characters.h"

#include <algorithm>
#include <charconv>

#include "t6/core/error.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// str.isspace() of Python.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (size_t begin = 0;;) {
    const size_t found = text.find(from, begin);
    result += text.substr(begin, found - begin);
    if (found == std::string_view::npos) return result;
    result += to;
    begin = found + from.size();
  }
}

std::string without_brackets(std::string_view text) {
  std::string result;
  for (size_t begin = 0; begin < text.size();) {
    const size_t open = text.find('[', begin);
    const size_t end = open == std::string_view::npos ? open : text.find_first_of("]\n", open);
    const bool closed = end != std::string_view::npos && text[end] == ']';
    const size_t kept = closed ? open : std::min(open, text.size() - 1) + 1;  // up to the bracket, or with it
    result += text.substr(begin, kept - begin);
    begin = closed ? end + 1 : kept;
  }
  return result;
}

}  // namespace

int64_t count_characters(std::string_view text) {
  return std::ssize(text) - std::ranges::count_if(text, continues_character);
}

size_t trailing_space(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && continues_character(text[begin])) --begin;
    if (!utf8_step(text.substr(0, end), begin).valid || !is_space(decode_utf8(text.substr(begin)))) break;
    end = begin;
  }
  return text.size() - end;
}

std::string remove_brackets(std::string text) {
  return replaced(without_brackets(replaced(text, " [title]", ". ")), "  ", " ");
}

int64_t parse_answer(std::string_view text, size_t count, const std::string& source) {
  int64_t index = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  const bool number = error == std::errc() && end == text.data() + text.size();
  if (!number && text.size() == 1 && text[0] >= 'A' && text[0] <= 'Z') index = text[0] - 'A';
  require(index >= 0 && index < static_cast<int64_t>(count), "{}: the answer is \"{}\", not one of the {} choices",
          source, text, count);
  return index;
}

}  // namespace t6
