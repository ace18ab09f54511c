// JSON as an answer's text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "t6/text/jinja.h"  // OrderedJson

namespace t6 {

// On one line; bytes that are not UTF-8 become U+FFFD, so that no text of a client or model makes it fail.
inline std::string json_text(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

// An event of a stream of server-sent events.
inline std::string event_text(const OrderedJson& value) { return "data: " + json_text(value) + "\n\n"; }

}  // namespace t6
