// "stream" and "stream_options" of a request.
#pragma once

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/body.h"

namespace t6 {

struct StreamOptions {
  bool wanted = false;
  bool usage = false;  // an event at the end with what the request took
};

inline StreamOptions read_stream_options(Body& body) {
  StreamOptions options = {.wanted = body.boolean("stream", false)};
  const OrderedJson* const given = body.find("stream_options");
  if (!given) return options;
  if (!options.wanted) throw ApiError(400, "stream_options without stream", "stream_options");
  if (!given->is_object()) bad_value("stream_options", *given, "an object");
  for (const auto& [key, value] : given->items()) {
    const std::string name = "stream_options." + key;
    if (key != "include_usage" && key != "include_obfuscation" && key != "continuous_usage_stats") {
      throw ApiError(400, fmt::format("{} is not supported", shown(name)), name);
    }
    if (!value.is_boolean()) bad_value(name, value, "true or false");
    if (key == "include_usage") options.usage = value.get<bool>();
    if (key == "continuous_usage_stats" && value.get<bool>()) {
      throw ApiError(400, fmt::format("{} = true is not supported", name), name);
    }
  }
  return options;
}

}  // namespace t6
