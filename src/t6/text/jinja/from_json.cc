#include "t6/text/jinja/from_json.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/text/jinja/unicode.h"

namespace t6::jinja {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMostDepth = 100;

Value convert(const Json& json, int depth);

Value from_array(const Json& json, int depth) {
  List list;
  for (const Json& item : json) {
    list.items.push_back(convert(item, depth + 1));
    list.depth = std::max(list.depth, 1 + depth_of(list.items.back()));
    list.weight = std::min(list.weight + weight_of(list.items.back()), kMostWeight);
  }
  return Value(std::make_shared<const List>(std::move(list)));
}

Value from_object(const Json& json, int depth) {
  Dict dict;
  for (const auto& [key, item] : json.items()) dict.set(make_text(valid_utf8(key)), convert(item, depth + 1));
  return Value(std::make_shared<const Dict>(std::move(dict)));
}

Value convert(const Json& json, int depth) {
  require(depth <= kMostDepth, "a variable nested deeper than {} levels", kMostDepth);
  switch (json.type()) {
    case Json::value_t::null:
      return Value::none();
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_integer:
      return Value(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      require(json.get<uint64_t>() <= uint64_t{INT64_MAX}, "a variable holds an integer that does not fit in 64 bits");
      return Value(json.get<int64_t>());
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::string:
      return make_text(valid_utf8(json.get_ref<const std::string&>()));
    case Json::value_t::array:
      return from_array(json, depth);
    case Json::value_t::object:
      return from_object(json, depth);
    default:
      fail("a variable holds binary data");
  }
}

}  // namespace

Value from_json(const Json& json) { return convert(json, 0); }

}  // namespace t6::jinja
