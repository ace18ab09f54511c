// Filters that lay out lines.
#include <algorithm>
#include <iterator>

#include "t6/text/jinja/filter_call.h"
#include "t6/text/jinja/find_text.h"
#include "t6/text/jinja/methods.h"
#include "t6/text/jinja/print.h"
#include "t6/text/jinja/unicode.h"
#include "t6/text/jinja/wrap_text.h"

namespace t6::jinja {
namespace {

const Text& text_of(const FilterCall& call) {
  require(call.value.text() != nullptr, "{} needs a string, not a '{}'", call.name, type_name(call.value));
  return *call.value.text();
}

Value do_indent(const FilterCall& call) {
  const Parameters parameters = call.parameters({"width", "first", "blank"});
  const Text& text = text_of(call);
  std::string indent;
  if (parameters.find(0) != nullptr && parameters.at(0).text() != nullptr) {
    indent = parameters.at(0).text()->bytes;
  } else {
    const int64_t width = std::max<int64_t>(parameters.integer(0, 4), 0);
    call.runtime->check_text(static_cast<size_t>(width));
    indent = std::string(static_cast<size_t>(width), ' ');
  }
  const bool blank = parameters.boolean(2, false);
  std::string out = parameters.boolean(1, false) ? indent : "";
  bool first = true;
  for (const std::string& line : split_lines(text.bytes + "\n", false, call.runtime)) {
    if (!first) out += "\n";
    if (!first && (blank || !line.empty())) out += indent;
    out += line;
    first = false;
    call.runtime->check_text(out.size());
  }
  return call.runtime->text(std::move(out), text.markup);
}

Value do_truncate(const FilterCall& call) {
  const Parameters parameters = call.parameters({"length", "killwords", "end", "leeway"});
  const int64_t length = parameters.integer(0, 255);
  const std::string end = parameters.text(2, "...");
  const int64_t leeway = parameters.given(3) == nullptr ? 5 : parameters.integer(3, 5);
  const int64_t kept = length - count_code_points(end);
  require(kept >= 0, "expected length >= {}, got {}", count_code_points(end), length);
  require(leeway >= 0, "expected leeway >= 0, got {}", leeway);
  if (length_of(call.value) - leeway <= length) return call.value;
  const Text& text = text_of(call);
  std::string begin = text.bytes.substr(0, byte_offset(text.bytes, kept));
  if (!parameters.boolean(1, false)) begin = begin.substr(0, find_last(begin, " "));
  return call.runtime->text(begin + end, text.markup);
}

Value do_wordcount(const FilterCall& call) {
  call.parameters({});
  const Value text = soft_text(call.value, call.runtime);
  const std::string& bytes = text.text()->bytes;
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < bytes.size();) {
    const bool part = is_word_character(next_code_point(bytes, &at));
    words += part && !inside ? 1 : 0;
    inside = part;
  }
  return Value(words);
}

Value do_wordwrap(const FilterCall& call) {
  const Parameters parameters = call.parameters({"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  const Text& text = text_of(call);
  const WrapStyle style{parameters.integer(0, 79), parameters.boolean(1, true), parameters.boolean(3, true)};
  const std::string separator = parameters.given(2) == nullptr ? "\n" : parameters.text(2, "");
  std::string out;
  bool first = true;
  for (const std::string& paragraph : split_lines(text.bytes, false, call.runtime)) {
    const std::vector<std::string> lines = wrap_text(paragraph, style, call.runtime);
    for (size_t i = 0; i < std::max<size_t>(lines.size(), 1); ++i) {
      if (!first) out += separator;
      first = false;
      if (i < lines.size()) out += lines[i];
      call.runtime->check_text(out.size());
    }
  }
  return call.runtime->text(std::move(out));
}

constexpr NamedFilter kLayoutFilters[] = {
    {"indent", do_indent}, {"truncate", do_truncate}, {"wordcount", do_wordcount}, {"wordwrap", do_wordwrap}};

}  // namespace

FilterTable layout_filters() { return {std::begin(kLayoutFilters), std::end(kLayoutFilters)}; }

}  // namespace t6::jinja
