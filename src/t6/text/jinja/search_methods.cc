// The methods of Python's str that search.
#include <algorithm>

#include "t6/text/jinja/find_text.h"
#include "t6/text/jinja/text_call.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

// The part of the text that the optional start and end choose, and where it begins.
struct Window {
  std::string_view text;
  int64_t start = 0;
  bool empty_range = false;  // start > end: nothing is found, not even ""
};

int64_t window_bound(const Parameters& parameters, size_t i, int64_t fallback, int64_t length) {
  if (parameters.given(i) == nullptr) return fallback;
  const int64_t index = parameters.integer(i, 0);
  return index < 0 ? std::max<int64_t>(index + length, 0) : index;
}

Window window(const TextCall& call, const Parameters& parameters) {
  const int64_t start = window_bound(parameters, 1, 0, call.self.length);
  const int64_t end = std::min(window_bound(parameters, 2, call.self.length, call.self.length), call.self.length);
  if (start > end) return {"", start, true};
  const size_t begin = byte_offset(call.self.bytes, start);
  const std::string_view rest = std::string_view(call.self.bytes).substr(begin);
  return {rest.substr(0, byte_offset(rest, end - start)), start, false};
}

}  // namespace

Value find_in_text(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {"", "", ""}, 1);
  const std::string part = parameters.text(0, "");
  const Window where = window(call, parameters);
  const bool last = call.name.starts_with('r');
  const size_t at = where.empty_range ? std::string::npos
                    : last            ? find_last(where.text, part)
                                      : find_text(where.text, part, 0);
  if (at != std::string::npos) return Value(where.start + count_code_points(where.text.substr(0, at)));
  require(!call.name.ends_with("index"), "substring not found");
  return Value(int64_t{-1});
}

Value count_in_text(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {"", "", ""}, 1);
  const std::string part = parameters.text(0, "");
  const Window where = window(call, parameters);
  if (where.empty_range) return Value(int64_t{0});
  if (part.empty()) return Value(count_code_points(where.text) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = find_text(where.text, part, at)) != std::string::npos; at += part.size()) ++count;
  return Value(count);
}

Value starts_or_ends(const TextCall& call) {
  const Parameters parameters(call.name, call.arguments, {"", "", ""}, 1);
  const Window where = window(call, parameters);
  const auto fits = [&](const Value& part) {
    require(part.text() != nullptr, "{} needs strings, not a '{}'", call.name, type_name(part));
    const std::string& bytes = part.text()->bytes;
    return !where.empty_range &&
           (call.name == "startswith" ? where.text.starts_with(bytes) : where.text.ends_with(bytes));
  };
  const List* parts = parameters.at(0).list();
  if (parts == nullptr || !parts->tuple()) return Value(fits(parameters.at(0)));
  return Value(std::any_of(parts->items.begin(), parts->items.end(), fits));
}

}  // namespace t6::jinja
