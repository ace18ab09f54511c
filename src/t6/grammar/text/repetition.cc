#include "t6/grammar/text/repetition.h"

namespace t6 {
namespace {

constexpr int64_t kMost = 1'000'000'000;  // more digits than anybody allows

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number at `at`, which moves behind it; -1: none.
int64_t read_number(std::string_view text, size_t& at) {
  if (at >= text.size() || !is_digit(text[at])) return -1;
  int64_t value = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) value = std::min(kMost, value * 10 + (text[at] - '0'));
  return value;
}

}  // namespace

int64_t class_cost(std::string_view text) {
  const bool complement = text.starts_with("[^") || text.find_first_of("SWD") != std::string_view::npos;
  const auto beyond_ascii = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  if (complement || text.find("\\u") != std::string_view::npos || std::ranges::any_of(text, beyond_ascii)) {
    return kWideCost;
  }
  const bool letters = text.find('-') != std::string_view::npos && std::ranges::any_of(text, [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                       });
  return letters || text.find("\\w") != std::string_view::npos ? kLettersCost : kNarrowCost;
}

int64_t repetition_count(std::string_view text, size_t at) {
  const int64_t least = read_number(text, ++at);
  if (least < 0 || at >= text.size()) return 0;
  int64_t most = least;
  if (text[at] == ',') most = std::max(least, read_number(text, ++at));
  return at < text.size() && text[at] == '}' ? most : 0;
}

}  // namespace t6
