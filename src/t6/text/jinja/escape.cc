#include "t6/text/jinja/escape.h"

#include <charconv>
#include <utility>

#include "t6/text/jinja/find_text.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
    {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}, {"nbsp", "\u00a0"}};

// Replaces the entity that begins at text[at], an ampersand, if there is one; true then.
bool append_entity(std::string_view text, size_t* at, std::string* out) {
  const std::string_view rest = text.substr(*at + 1);
  const size_t end = rest.substr(0, 12).find(';');
  if (end == rest.npos) return false;
  const std::string_view name = rest.substr(0, end);
  for (const auto& [entity, character] : kEntities) {
    if (name != entity) continue;
    *out += character;
    *at += end + 2;
    return true;
  }
  if (!name.starts_with('#')) return false;
  const bool hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
  const std::string_view digits = name.substr(hex ? 2 : 1);
  uint32_t point = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), point, hex ? 16 : 10);
  if (error != std::errc() || stop != digits.data() + digits.size() || digits.empty()) return false;
  const bool character = point != 0 && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
  append_code_point(out, character ? point : 0xFFFD);
  *at += end + 2;
  return true;
}

std::string unescape_html(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '&' && append_entity(text, &at, &out)) continue;
    out += text[at++];
  }
  return out;
}

std::string without_tags(std::string_view html) {
  std::string out;
  size_t at = 0;
  while (true) {
    const size_t open = html.find('<', at);
    if (open == html.npos) break;
    const bool comment = html.substr(open).starts_with("<!--");
    const size_t close = comment ? find_text(html, "-->", open + 4) : html.find('>', open);
    if (close == html.npos) break;
    out += html.substr(at, open - at);
    at = close + (comment ? 3 : 1);
  }
  return out += html.substr(at);
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string escape_unless_markup(const Text& text) { return text.markup ? text.bytes : escape_html(text.bytes); }

std::string strip_tags(std::string_view html) {
  const std::string text = without_tags(html);
  std::string out;
  bool space = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t point = next_code_point(text, &at);
    if (is_space(point)) {
      space = true;
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    append_code_point(&out, point);
  }
  return unescape_html(out);
}

}  // namespace t6::jinja
