#include "t6/text/jinja/format_spec.h"

#include <algorithm>
#include <cmath>

#include "t6/text/jinja/arithmetic.h"
#include "t6/text/jinja/number_text.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

struct Spec {
  std::string fill = " ";
  char align = '\0';
  char sign = '-';
  bool alternate = false;
  bool zero = false;
  int64_t width = 0;
  char grouping = '\0';
  int64_t precision = -1;
  char type = '\0';
};

bool is_align(char c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

int64_t take_number(std::string_view spec, size_t* at) {
  int64_t number = 0;
  while (*at < spec.size() && spec[*at] >= '0' && spec[*at] <= '9') {
    number = number * 10 + (spec[(*at)++] - '0');
    require(number <= INT32_MAX, "too many decimal digits in format string");
  }
  return number;
}

Spec parse_spec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  const auto skip = [&](char c) {
    const bool there = at < text.size() && text[at] == c;
    at += there ? 1 : 0;
    return there;
  };
  size_t after_fill = 0;
  if (!text.empty()) next_code_point(text, &after_fill);
  if (after_fill < text.size() && is_align(text[after_fill])) {
    spec.fill = text.substr(0, after_fill);
    spec.align = text[after_fill];
    at = after_fill + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[at++];
  }
  if (at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' ')) spec.sign = text[at++];
  spec.alternate = skip('#');
  spec.zero = skip('0');
  spec.width = take_number(text, &at);
  if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouping = text[at++];
  if (skip('.')) {
    const size_t begin = at;
    spec.precision = take_number(text, &at);
    require(at > begin, "Format specifier missing precision");
  }
  if (at < text.size()) spec.type = text[at++];
  require(at == text.size(), "Invalid format specifier");
  if (spec.zero && spec.align == '\0') spec.align = '=';
  if (spec.zero && spec.fill == " ") spec.fill = "0";
  return spec;
}

std::string times(const std::string& fill, int64_t count) {
  std::string out;
  for (int64_t i = 0; i < count; ++i) out += fill;
  return out;
}

std::string pad(const std::string& prefix, const std::string& text, const Spec& spec, char align) {
  const int64_t missing = std::max<int64_t>(spec.width - count_code_points(prefix) - count_code_points(text), 0);
  if (align == '<') return prefix + text + times(spec.fill, missing);
  if (align == '=') return prefix + times(spec.fill, missing) + text;
  const int64_t before = align == '>' ? missing : missing / 2;
  return times(spec.fill, before) + prefix + text + times(spec.fill, missing - before);
}

// Puts separators between groups of digits of the whole part; zeros that fill up get them too.
std::string grouped(std::string digits, const Spec& spec, size_t group, size_t prefix) {
  if (spec.grouping == '\0') return digits;
  size_t whole = digits.find_first_not_of("0123456789abcdefABCDEF");
  if (whole == std::string::npos) whole = digits.size();
  std::string head = digits.substr(0, whole);
  const std::string tail = digits.substr(whole);
  const auto size = [&] { return head.size() + (head.size() - 1) / group + tail.size() + prefix; };
  if (spec.fill == "0" && spec.align == '=') {
    while (static_cast<int64_t>(size()) < spec.width) head.insert(0, "0");
  }
  for (size_t at = head.size(); at > group;) {
    at -= group;
    head.insert(at, 1, spec.grouping);
  }
  // A separator cannot come first, so the width may be passed by one.
  return head + tail;
}

std::string sign_text(bool negative, const Spec& spec) {
  return negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
}

std::string format_string(const Value& value, const Spec& spec) {
  const Text& text = *value.text();
  require(spec.type == '\0' || spec.type == 's', "Unknown format code '{}' for object of type 'str'", spec.type);
  require(spec.sign == '-' && !spec.alternate && spec.align != '=' && spec.grouping == '\0',
          "a format that strings do not have");
  const std::string kept =
      spec.precision < 0 ? text.bytes : text.bytes.substr(0, byte_offset(text.bytes, spec.precision));
  return pad("", kept, spec, spec.align == '\0' ? '<' : spec.align);
}

std::string format_float(double number, const Spec& spec, bool integer) {
  char type = spec.type;
  int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  std::string digits;
  if (type == '\0' && spec.precision < 0 && !integer) {
    digits = repr(std::fabs(number));
  } else if (type == '\0') {
    digits = float_digits(number, 'g', std::max(precision, 1), spec.alternate);
    if (digits.find_first_not_of("0123456789") == std::string::npos) digits += ".0";
  } else if (type == '%') {
    digits = float_digits(number * 100, 'f', precision, spec.alternate) + "%";
  } else {
    if (type == 'n') type = 'g';
    require(std::string_view("eEfFgG").find(type) != std::string_view::npos,
            "Unknown format code '{}' for object of type 'float'", type);
    digits = float_digits(number, type, precision, spec.alternate);
  }
  const std::string sign = sign_text(std::signbit(number) && !std::isnan(number), spec);
  return pad(sign, grouped(digits, spec, 3, sign.size()), spec, spec.align == '\0' ? '>' : spec.align);
}

std::string format_integer(int64_t integer, const Spec& spec) {
  const char type = spec.type == '\0' || spec.type == 'n' ? 'd' : spec.type;
  if (std::string_view("eEfFgG%").find(type) != std::string_view::npos) {
    return format_float(static_cast<double>(integer), spec, true);
  }
  require(spec.precision < 0, "Precision not allowed in integer format specifier");
  if (type == 'c') {
    require(integer >= 0 && integer <= 0x10FFFF && (integer < 0xD800 || integer > 0xDFFF), "%c arg is no character");
    std::string out;
    append_code_point(&out, static_cast<char32_t>(integer));
    return pad("", out, spec, spec.align == '\0' ? '<' : spec.align);
  }
  const int base = type == 'd' ? 10 : type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 0;
  require(base != 0, "Unknown format code '{}' for object of type 'int'", type);
  require(spec.grouping != ',' || base == 10, "Cannot specify ',' with '{}'.", type);
  const std::string prefix =
      sign_text(integer < 0, spec) + (spec.alternate && base != 10 ? std::string("0") + type : "");
  const std::string digits = grouped(digits_of(integer, base, type == 'X'), spec, base == 10 ? 3 : 4, prefix.size());
  return pad(prefix, digits, spec, spec.align == '\0' ? '>' : spec.align);
}

}  // namespace

std::string format_value(const Value& value, std::string_view text, Runtime* runtime) {
  if (text.empty()) return str(value, runtime);
  const Spec spec = parse_spec(text);
  runtime->check_product(static_cast<int64_t>(spec.fill.size()), std::max(spec.width, spec.precision));
  if (value.text() != nullptr) return format_string(value, spec);
  int64_t integer = 0;
  if (to_integer(value, &integer)) return format_integer(integer, spec);
  if (const double* number = value.get_if<double>()) return format_float(*number, spec, false);
  fail("unsupported format string passed to {}.__format__", type_name(value));
}

}  // namespace t6::jinja
