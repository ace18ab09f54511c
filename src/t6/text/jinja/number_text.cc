#include "t6/text/jinja/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "t6/core/error.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

// Without white space around it, and with plain digits for those of other scripts.
std::string plain(std::string_view text) {
  std::vector<char32_t> points = code_points(text);
  while (!points.empty() && is_space(points.back())) points.pop_back();
  const auto begin = std::find_if(points.begin(), points.end(), [](char32_t point) { return !is_space(point); });
  std::string out;
  for (auto point = begin; point != points.end(); ++point) {
    const int digit = *point < 0x80 ? -1 : decimal_value(*point);
    if (digit < 0) {
      append_code_point(&out, *point);
    } else {
      out += static_cast<char>('0' + digit);
    }
  }
  return out;
}

bool is_ascii_alnum(char c) { return is_ascii_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Takes single underscores between digits out. False: others are there.
bool drop_underscores(std::string* text) {
  for (size_t i = 0; i < text->size(); ++i) {
    if ((*text)[i] != '_') continue;
    const bool between =
        i > 0 && i + 1 < text->size() && is_ascii_alnum((*text)[i - 1]) && is_ascii_alnum((*text)[i + 1]);
    if (!between) return false;
  }
  std::erase(*text, '_');
  return true;
}

// The base that 0x, 0o or 0b names; 0 when there is none.
int prefix_base(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return 0;
  const char letter = static_cast<char>(digits[1] | 0x20);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
}

}  // namespace

std::string digits_of(int64_t integer, int base, bool upper) {
  const auto bits = static_cast<uint64_t>(integer);
  const uint64_t magnitude = integer < 0 ? 0 - bits : bits;
  char buffer[65];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), magnitude, base).ptr;
  std::string digits(buffer, end);
  if (upper) std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) { return c >= 'a' ? c - 32 : c; });
  return digits;
}

std::string float_digits(double number, char style, int precision, bool alternate) {
  number = std::fabs(number);
  const bool upper = style == 'E' || style == 'F' || style == 'G';
  if (std::isnan(number)) return upper ? "NAN" : "nan";
  if (std::isinf(number)) return upper ? "INF" : "inf";
  const char format[] = {
      '%', alternate ? '#' : '.', alternate ? '.' : '*', alternate ? '*' : style, alternate ? style : '\0', '\0'};
  const int size = std::snprintf(nullptr, 0, format, precision, number);
  std::string text(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), format, precision, number);
  text.pop_back();
  return text;
}

bool parse_integer(std::string_view text, int base, int64_t* integer) {
  require(base == 0 || (base >= 2 && base <= 36), "int() base must be >= 2 and <= 36, or 0");
  std::string digits = plain(text);
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.erase(0, 1);
  const int prefix = prefix_base(digits);
  const bool prefixed = prefix != 0 && (base == 0 || base == prefix);
  if (prefixed) digits.erase(0, 2);
  if (prefixed && digits.starts_with('_')) digits.erase(0, 1);
  if (!drop_underscores(&digits) || digits.empty()) return false;
  const bool zeros = digits.find_first_not_of('0') == std::string::npos;
  if (base == 0 && !prefixed && digits.size() > 1 && digits[0] == '0' && !zeros) return false;
  if (digits[0] == '-' || digits[0] == '+') return false;
  if (negative) digits.insert(0, "-");
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *integer,
                                             prefixed    ? prefix
                                             : base == 0 ? 10
                                                         : base);
  if (rest != digits.data() + digits.size()) return false;
  require(error != std::errc::result_out_of_range, "an integer that does not fit in 64 bits");
  return error == std::errc();
}

bool parse_float(std::string_view text, double* number) {
  std::string digits = plain(text);
  if (!drop_underscores(&digits) || digits.empty()) return false;
  std::string word = lower(digits);
  if (word[0] == '-' || word[0] == '+') word.erase(0, 1);
  const bool named = word == "inf" || word == "infinity" || word == "nan";
  if (!named && digits.find_first_not_of("0123456789.eE+-") != std::string::npos) return false;
  char* end = nullptr;
  *number = std::strtod(digits.c_str(), &end);
  return end == digits.c_str() + digits.size();
}

}  // namespace t6::jinja
