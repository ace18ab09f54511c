// Taking texts apart and putting them together.
#include <algorithm>

#include "t6/text/jinja/find_text.h"
#include "t6/text/jinja/methods.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

size_t last_begin(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

bool strips(char32_t point, const std::optional<std::vector<char32_t>>& characters) {
  return characters ? std::binary_search(characters->begin(), characters->end(), point) : is_space(point);
}

std::vector<std::string> split_at_space(std::string_view text, int64_t count, Runtime* runtime) {
  std::vector<std::string> parts;
  text = strip(text, true, false);
  while (!text.empty() && count-- != 0) {
    size_t end = 0;
    for (size_t next = 0; end < text.size(); end = next) {
      if (is_space(next_code_point(text, &next))) break;
    }
    runtime->charge(1);
    parts.emplace_back(text.substr(0, end));
    text = strip(text.substr(end), true, false);
  }
  if (!text.empty()) parts.emplace_back(text);
  return parts;
}

std::vector<std::string> split_at_space_from_right(std::string_view text, int64_t count, Runtime* runtime) {
  std::vector<std::string> parts;
  text = strip(text, false, true);
  while (!text.empty() && count-- != 0) {
    size_t begin = text.size();
    while (begin > 0) {
      size_t at = last_begin(text.substr(0, begin));
      const size_t here = at;
      if (is_space(next_code_point(text, &at))) break;
      begin = here;
    }
    runtime->charge(1);
    parts.emplace_back(text.substr(begin));
    text = strip(text.substr(0, begin), false, true);
  }
  if (!text.empty()) parts.emplace_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

std::string_view strip(std::string_view text, bool left, bool right, std::optional<std::string_view> characters) {
  std::optional<std::vector<char32_t>> set;
  if (characters) set = code_points(*characters);
  if (set) std::sort(set->begin(), set->end());
  while (left && !text.empty()) {
    size_t next = 0;
    if (!strips(next_code_point(text, &next), set)) break;
    text = text.substr(next);
  }
  while (right && !text.empty()) {
    const size_t begin = last_begin(text);
    size_t at = begin;
    if (!strips(next_code_point(text, &at), set)) break;
    text = text.substr(0, begin);
  }
  return text;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends, Runtime* runtime) {
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = at;
    const char32_t point = next_code_point(text, &at);
    if (!is_line_break(point)) continue;
    if (point == '\r' && at < text.size() && text[at] == '\n') ++at;
    runtime->charge(1);
    lines.emplace_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) lines.emplace_back(text.substr(begin));
  return lines;
}

std::string replace(std::string_view text, std::string_view old_part, std::string_view new_part, int64_t count,
                    Runtime* runtime) {
  std::string out;
  size_t at = 0;
  while (count-- != 0) {
    const size_t found = find_text(text, old_part, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += new_part;
    at = found + old_part.size();
    if (old_part.empty()) {  // between all characters
      if (at >= text.size()) break;
      const size_t character = at;
      next_code_point(text, &at);
      out += text.substr(character, at - character);
    }
    runtime->charge(1);
    runtime->check_text(out.size());
  }
  if (at < text.size()) out += text.substr(at);
  return out;
}

std::string center(std::string_view text, int64_t width, std::string_view fill, Runtime* runtime) {
  const int64_t missing = std::max<int64_t>(width - count_code_points(text), 0);
  runtime->check_product(static_cast<int64_t>(fill.size()), missing);
  const int64_t left = missing / 2 + (missing & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (int64_t i = left; i < missing; ++i) out += fill;
  return out;
}

std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator, int64_t count,
                               Runtime* runtime) {
  if (!separator) return split_at_space(text, count, runtime);
  require(!separator->empty(), "empty separator");
  std::vector<std::string> parts;
  size_t at = 0;
  while (count-- != 0) {
    const size_t found = find_text(text, *separator, at);
    if (found == std::string_view::npos) break;
    runtime->charge(1);
    parts.emplace_back(text.substr(at, found - at));
    at = found + separator->size();
  }
  parts.emplace_back(text.substr(at));
  return parts;
}

std::vector<std::string> split_from_right(std::string_view text, std::optional<std::string_view> separator,
                                          int64_t count, Runtime* runtime) {
  if (!separator) return split_at_space_from_right(text, count, runtime);
  const std::string reversed_separator(separator->rbegin(), separator->rend());
  std::vector<std::string> parts = split(std::string(text.rbegin(), text.rend()), reversed_separator, count, runtime);
  std::reverse(parts.begin(), parts.end());
  for (std::string& part : parts) std::reverse(part.begin(), part.end());
  return parts;
}

}  // namespace t6::jinja
