#include "t6/text/python_text.h"

#include "t6/text/jinja/unicode.h"

namespace t6 {
namespace {

// The longest parts of `text` whose characters are all `wanted`.
template <typename Wanted>
std::vector<std::string_view> runs(std::string_view text, Wanted wanted) {
  std::vector<std::string_view> found;
  size_t begin = std::string_view::npos;
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    const bool is_wanted = wanted(jinja::next_code_point(text, &at));
    if (is_wanted && begin == std::string_view::npos) begin = here;
    if (!is_wanted && begin != std::string_view::npos) {
      found.push_back(text.substr(begin, here - begin));
      begin = std::string_view::npos;
    }
  }
  if (begin != std::string_view::npos) found.push_back(text.substr(begin));
  return found;
}

bool is_word(char32_t point) { return jinja::is_alphabetic(point) || jinja::is_numeric(point) || point == '_'; }

}  // namespace

std::string python_lower(std::string_view text) { return jinja::lower(text); }

std::string_view python_strip(std::string_view text) {
  const std::vector<std::string_view> parts = python_split(text);
  if (parts.empty()) return {};
  return {parts.front().data(), static_cast<size_t>(parts.back().data() + parts.back().size() - parts.front().data())};
}

std::vector<std::string_view> python_split(std::string_view text) {
  return runs(text, [](char32_t point) { return !jinja::is_space(point); });
}

std::vector<char32_t> python_code_points(std::string_view text) { return jinja::code_points(text); }

std::vector<std::string_view> python_words(std::string_view text) { return runs(text, is_word); }

std::vector<std::string_view> python_numbers(std::string_view text) { return runs(text, jinja::is_decimal); }

}  // namespace t6
