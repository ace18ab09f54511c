#include "t6/text/jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>

namespace t6::jinja {
namespace {

constexpr char32_t kReplacementPoint = 0xFFFD;
constexpr char32_t kSigma = 0x3A3;

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

utf8proc_category_t category(char32_t point) { return utf8proc_category(static_cast<utf8proc_int32_t>(point)); }

bool is_cased(char32_t point) { return is_upper(point) || is_lower(point) || is_title(point); }

// Passed over when Python decides whether a sigma ends a word.
bool is_case_ignorable(char32_t point) {
  switch (category(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return point == '\'' || point == '.' || point == ':' || point == 0xB7 || point == 0x2019;
  }
}

std::vector<char32_t> full_fold(char32_t point) {
  utf8proc_int32_t folded[8];
  int last = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(point), folded,
                                                         std::size(folded), UTF8PROC_CASEFOLD, &last);
  if (count < 1 || count > static_cast<utf8proc_ssize_t>(std::size(folded))) return {point};
  return {folded, folded + count};
}

char32_t simple_upper(char32_t point) {
  return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(point)));
}
char32_t simple_lower(char32_t point) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
}

// Upper case may be several characters (ss for a sharp s); they are what full case folding gives, in upper case.
void append_upper(char32_t point, std::string* out) {
  if (point < 0x80 || category(point) == UTF8PROC_CATEGORY_LU) return append_code_point(out, simple_upper(point));
  const std::vector<char32_t> folded = full_fold(point);
  if (folded.size() == 1) return append_code_point(out, simple_upper(point));
  for (const char32_t part : folded) append_code_point(out, simple_upper(part));
}

void append_title(char32_t point, std::string* out) {
  const auto titled = static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(point)));
  if (point < 0x80 || !is_lower(point)) return append_code_point(out, titled);
  const std::vector<char32_t> folded = full_fold(point);
  if (folded.size() == 1) return append_code_point(out, titled);
  for (size_t i = 0; i < folded.size(); ++i) append_code_point(out, i == 0 ? simple_upper(folded[i]) : folded[i]);
}

bool ends_word(const std::vector<char32_t>& points, size_t at) {
  size_t before = at;
  while (before > 0 && is_case_ignorable(points[before - 1])) --before;
  if (before == 0 || !is_cased(points[before - 1])) return false;
  size_t after = at + 1;
  while (after < points.size() && is_case_ignorable(points[after])) ++after;
  return after == points.size() || !is_cased(points[after]);
}

void append_lower(const std::vector<char32_t>& points, size_t at, std::string* out) {
  if (points[at] == kSigma) return append_code_point(out, ends_word(points, at) ? 0x3C2 : 0x3C3);
  if (points[at] == 0x130) {  // I with a dot becomes i and a dot
    append_code_point(out, 'i');
    return append_code_point(out, 0x307);
  }
  append_code_point(out, simple_lower(points[at]));
}

}  // namespace

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  size_t at = 0;
  while (at < bytes.size()) {
    if (static_cast<unsigned char>(bytes[at]) < 0x80) {
      text += bytes[at++];
      continue;
    }
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data() + at),
                                                   static_cast<utf8proc_ssize_t>(bytes.size() - at), &point);
    if (size > 0) {
      text += bytes.substr(at, static_cast<size_t>(size));
      at += static_cast<size_t>(size);
    } else {
      append_code_point(&text, kReplacementPoint);
      ++at;
    }
  }
  return text;
}

int64_t count_code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char byte) { return !is_continuation(byte); });
}

size_t byte_offset(std::string_view text, int64_t index) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (!is_continuation(text[at]) && index-- == 0) break;
  }
  return at;
}

char32_t next_code_point(std::string_view text, size_t* at) {
  const auto first = static_cast<unsigned char>(text[(*at)++]);
  if (first < 0x80) return first;
  char32_t point = first & (first >= 0xF0 ? 0x07u : first >= 0xE0 ? 0x0Fu : 0x1Fu);
  while (*at < text.size() && is_continuation(text[*at])) {
    point = (point << 6) | (static_cast<unsigned char>(text[(*at)++]) & 0x3Fu);
  }
  return point;
}

void append_code_point(std::string* text, char32_t point) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), bytes);
  text->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> points;
  for (size_t at = 0; at < text.size();) points.push_back(next_code_point(text, &at));
  return points;
}

std::string to_utf8(const std::vector<char32_t>& points) {
  std::string text;
  for (const char32_t point : points) append_code_point(&text, point);
  return text;
}

bool is_space(char32_t point) {
  return (point >= 9 && point <= 13) || (point >= 28 && point <= 32) || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

bool is_line_break(char32_t point) {
  return (point >= 10 && point <= 13) || (point >= 28 && point <= 30) || point == 0x85 || point == 0x2028 ||
         point == 0x2029;
}

bool is_alphabetic(char32_t point) {
  const utf8proc_category_t found = category(point);
  return found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t point) { return category(point) == UTF8PROC_CATEGORY_ND; }

bool is_digit(char32_t point) {
  return is_decimal(point) || point == 0xB2 || point == 0xB3 || point == 0xB9 || point == 0x2070 ||
         (point >= 0x2074 && point <= 0x2079) || (point >= 0x2080 && point <= 0x2089) ||
         (point >= 0x2460 && point <= 0x2468) || (point >= 0x2776 && point <= 0x277E);
}

bool is_numeric(char32_t point) {
  const utf8proc_category_t found = category(point);
  return found == UTF8PROC_CATEGORY_ND || found == UTF8PROC_CATEGORY_NL || found == UTF8PROC_CATEGORY_NO;
}

bool is_upper(char32_t point) { return category(point) == UTF8PROC_CATEGORY_LU; }
bool is_lower(char32_t point) {
  return category(point) == UTF8PROC_CATEGORY_LL || point == 0xAA || point == 0xBA;  // the ordinal indicators
}
bool is_title(char32_t point) { return category(point) == UTF8PROC_CATEGORY_LT; }

bool is_printable(char32_t point) {
  if (point == ' ') return true;
  switch (category(point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

int decimal_value(char32_t point) {
  if (point >= '0' && point <= '9') return static_cast<int>(point - '0');
  if (point < 0x80 || !is_decimal(point)) return -1;
  // Digits come in runs of ten that begin at a multiple of 16, or 6 after one; the mathematical ones begin at U+1D7CE.
  if (point >= 0x1D7CE && point <= 0x1D7FF) return static_cast<int>((point - 0x1D7CE) % 10);
  const char32_t low = point % 16;
  return static_cast<int>(low >= 6 && !is_decimal(point - low) ? low - 6 : low % 10);
}

std::string upper(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) append_upper(next_code_point(text, &at), &out);
  return out;
}

std::string lower(std::string_view text) {
  const std::vector<char32_t> points = code_points(text);
  std::string out;
  for (size_t at = 0; at < points.size(); ++at) append_lower(points, at, &out);
  return out;
}

std::string title(std::string_view text) {
  const std::vector<char32_t> points = code_points(text);
  std::string out;
  bool inside = false;
  for (size_t at = 0; at < points.size(); ++at) {
    if (inside) {
      append_lower(points, at, &out);
    } else {
      append_title(points[at], &out);
    }
    inside = is_cased(points[at]);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  const std::vector<char32_t> points = code_points(text);
  std::string out;
  for (size_t at = 0; at < points.size(); ++at) {
    if (at == 0) {
      append_title(points[at], &out);
    } else {
      append_lower(points, at, &out);
    }
  }
  return out;
}

std::string swapcase(std::string_view text) {
  const std::vector<char32_t> points = code_points(text);
  std::string out;
  for (size_t at = 0; at < points.size(); ++at) {
    if (is_lower(points[at])) {
      append_upper(points[at], &out);
    } else {
      append_lower(points, at, &out);
    }
  }
  return out;
}

std::string casefold(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    for (const char32_t part : full_fold(next_code_point(text, &at))) append_code_point(&out, part);
  }
  return out;
}

}  // namespace t6::jinja
