// JSON as an answer's text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "t6/formats/json.h"
#include "t6/text/jinja.h"  // OrderedJson

namespace t6 {

// On one line; bytes that are not UTF-8 become U+FFFD, so that no text of a client or model makes it fail.
inline std::string json_text(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

// `text` as JSON, its keys in their order; `source` names it in errors. Errors: those of parse_json().
inline OrderedJson parse_ordered(std::string_view text, const std::string& source) {
  (void)parse_json(text, source);  // which bounds its depth
  return OrderedJson::parse(text);
}

// An event of a stream of server-sent events; `name`: its own, where the stream's events have some.
inline std::string event_text(const OrderedJson& value, std::string_view name = {}) {
  const std::string head = name.empty() ? "" : "event: " + std::string(name) + "\n";
  return head + "data: " + json_text(value) + "\n\n";
}

}  // namespace t6
