#include "t6/text/jinja/string_literal.h"

#include <charconv>
#include <cstdlib>

#include "t6/core/error.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

constexpr std::string_view kSimpleEscapes = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";  // pairs of letter and meaning

bool is_digit_of(char c, int base) {
  const int value = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : 99;
  return value < base;
}

class Unescaper {
 public:
  explicit Unescaper(std::string_view literal) : literal_(literal) {}

  std::string run() {
    while (at_ < literal_.size()) {
      const char c = literal_[at_++];
      if (c == '\\' && at_ < literal_.size()) {
        escape();
      } else {
        out_ += c;
      }
    }
    return std::move(out_);
  }

 private:
  void escape() {
    const char letter = literal_[at_];
    for (size_t i = 0; i < kSimpleEscapes.size(); i += 2) {
      if (kSimpleEscapes[i] != letter) continue;
      out_ += kSimpleEscapes[i + 1];
      ++at_;
      return;
    }
    if (letter == '\n') {
      ++at_;
    } else if (is_digit_of(letter, 8)) {
      code_point(3, 8, false);
    } else if (letter == 'x' || letter == 'u' || letter == 'U') {
      ++at_;
      code_point(letter == 'x' ? 2 : letter == 'u' ? 4 : 8, 16, true);
    } else if (letter == 'N') {
      fail("the escape \\N is not supported");
    } else if (static_cast<unsigned char>(letter) >= 0x80) {
      escaped_character();
    } else {
      out_ += '\\';
    }
  }

  void code_point(size_t digits, int base, bool all) {
    size_t count = 0;
    while (count < digits && at_ + count < literal_.size() && is_digit_of(literal_[at_ + count], base)) ++count;
    uint32_t point = 0;
    std::from_chars(literal_.data() + at_, literal_.data() + at_ + count, point, base);
    require(count == digits || (!all && count > 0), "a string with an escape that ends too early");
    require(point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF), "a string with the escape of no character");
    append_code_point(&out_, point);
    at_ += count;
  }

  // Jinja2 writes other characters as escapes first, and so reads a backslash before one as an escaped backslash.
  void escaped_character() {
    const char32_t point = next_code_point(literal_, &at_);
    const auto number = static_cast<uint32_t>(point);
    out_ += point < 0x100     ? fmt::format("\\x{:02x}", number)
            : point < 0x10000 ? fmt::format("\\u{:04x}", number)
                              : fmt::format("\\U{:08x}", number);
  }

  std::string_view literal_;
  std::string out_;
  size_t at_ = 0;
};

// The end of a run of digits with single underscores between them, which begins at `from`.
size_t digits_end(std::string_view text, size_t from, int base, bool underscore_first) {
  size_t end = from;
  while (end < text.size()) {
    const size_t digit = text[end] == '_' && (end > from || underscore_first) ? end + 1 : end;
    if (digit >= text.size() || !is_digit_of(text[digit], base)) break;
    end = digit + 1;
  }
  return end;
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += c;
  }
  return out;
}

NumberLiteral integer(std::string_view text, size_t prefix, size_t end, int base) {
  const std::string digits = without_underscores(text.substr(prefix, end - prefix));
  int64_t value = 0;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return {error == std::errc() ? Value(value) : Value(), end};
}

// The end of a float that begins with digits up to `whole`; `whole` when it is none.
size_t float_end(std::string_view text, size_t whole) {
  size_t end = whole;
  if (whole < text.size() && text[whole] == '.') {
    const size_t fraction = digits_end(text, whole + 1, 10, false);
    if (fraction > whole + 1) end = fraction;
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    size_t digits = end + 1;
    if (digits < text.size() && (text[digits] == '+' || text[digits] == '-')) ++digits;
    const size_t exponent = digits_end(text, digits, 10, false);
    if (exponent > digits) end = exponent;
  }
  return end;
}

}  // namespace

std::string unescape(std::string_view literal) { return Unescaper(literal).run(); }

NumberLiteral number_literal(std::string_view text, bool after_dot) {
  const size_t whole = digits_end(text, 0, 10, false);
  const size_t end = after_dot ? whole : float_end(text, whole);
  if (end > whole) return {Value(std::strtod(without_underscores(text.substr(0, end)).c_str(), nullptr)), end};
  if (text.size() > 1 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    const int base = letter == 'b' ? 2 : letter == 'o' ? 8 : letter == 'x' ? 16 : 0;
    const size_t digits = base == 0 ? 0 : digits_end(text, 2, base, true);
    if (digits > 2) return integer(text, 2, digits, base);
  }
  if (text[0] != '0') return integer(text, 0, whole, 10);
  size_t zeros = 1;
  while (zeros < whole && (text[zeros] == '0' || (text[zeros] == '_' && zeros + 1 < whole && text[zeros + 1] == '0')))
    ++zeros;
  return integer(text, 0, zeros, 10);
}

}  // namespace t6::jinja
