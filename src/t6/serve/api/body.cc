#include "t6/serve/api/body.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "t6/serve/api/api_error.h"

namespace t6 {
namespace {

OrderedJson parse(std::string_view text) {
  try {
    return parse_ordered(text, "the body");
  } catch (const std::exception& error) {
    throw ApiError(400, error.what());
  }
}

}  // namespace

std::string shown(const OrderedJson& found) {
  constexpr size_t kMost = 80;
  const std::string text = json_text(found);
  return text.size() <= kMost ? text : json_text(text.substr(0, kMost)).substr(1, kMost) + "...";
}

OrderedJson at(const OrderedJson& object, const char* key) { return object.value(key, OrderedJson(nullptr)); }

const std::string& text_at(const OrderedJson& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) bad_value(where + "." + key, at(object, key), "a string");
  return found->get_ref<const std::string&>();
}

void only_keys(const OrderedJson& object, std::initializer_list<std::string_view> known, const std::string& where) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_null() || std::ranges::count(known, key) > 0) continue;
    const std::string name = where + "." + key;
    throw ApiError(400, fmt::format("{} is not supported", shown(name)), name);
  }
}

void bad_value(const std::string& key, const OrderedJson& found, const std::string& wanted) {
  throw ApiError(400, fmt::format("{} must be {}, not {}", key, wanted, shown(found)), key);
}

Body::Body(std::string_view text) : json_(parse(text)) {
  if (!json_.is_object()) throw ApiError(400, fmt::format("the body must be a JSON object, not {}", shown(json_)));
}

const OrderedJson* Body::find(const std::string& key) {
  known_.insert(key);
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

bool Body::has(const std::string& key) { return find(key) != nullptr; }

const OrderedJson& Body::at(const std::string& key) {
  const OrderedJson* const found = find(key);
  if (!found) throw ApiError(400, fmt::format("{} is missing", key), key);
  return *found;
}

int64_t Body::integer(const std::string& key, int64_t fallback, int64_t least, int64_t most) {
  const OrderedJson* const found = find(key);
  if (!found) return fallback;
  const auto bad = [&] {
    const bool bounded = most < std::numeric_limits<int32_t>::max();
    bad_value(key, *found,
              bounded ? fmt::format("a whole number from {} to {}", least, most)
                      : fmt::format("a whole number of {} or more", least));
  };
  if (!found->is_number()) bad();
  // 16.0 is 16, as clients of other languages write it.
  const double value = found->get<double>();
  if (!(std::abs(value) < 9.2e18) || value != std::trunc(value)) bad();
  const bool large = found->is_number_unsigned() && found->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  if (large) bad();
  const int64_t whole = found->is_number_float() ? static_cast<int64_t>(value) : found->get<int64_t>();
  if (whole < least || whole > most) bad();
  return whole;
}

double Body::number(const std::string& key, double fallback, double least, double most) {
  const OrderedJson* const found = find(key);
  if (!found) return fallback;
  if (!found->is_number() || !(found->get<double>() >= least && found->get<double>() <= most)) {
    bad_value(key, *found, fmt::format("a number from {} to {}", least, most));
  }
  return found->get<double>();
}

bool Body::boolean(const std::string& key, bool fallback) {
  const OrderedJson* const found = find(key);
  if (!found) return fallback;
  if (!found->is_boolean()) bad_value(key, *found, "true or false");
  return found->get<bool>();
}

std::string Body::string(const std::string& key, const std::string& fallback) {
  return optional_string(key).value_or(fallback);
}

std::optional<std::string> Body::optional_string(const std::string& key) {
  const OrderedJson* const found = find(key);
  if (!found) return std::nullopt;
  if (!found->is_string()) bad_value(key, *found, "a string");
  return found->get<std::string>();
}

std::vector<std::string> Body::strings(const std::string& key, size_t most) {
  const OrderedJson* const found = find(key);
  if (!found) return {};
  if (found->is_string()) return {found->get<std::string>()};
  if (!found->is_array()) bad_value(key, *found, "a string or a list of strings");
  if (found->size() > most) bad_value(key, found->size(), fmt::format("a list of {} at most", most));
  std::vector<std::string> list;
  for (const OrderedJson& item : *found) {
    if (!item.is_string()) bad_value(key, item, "a list of strings");
    list.push_back(item.get<std::string>());
  }
  return list;
}

std::vector<int32_t> Body::ids(const std::string& key, size_t most, int64_t vocab_size) {
  const OrderedJson* const found = find(key);
  if (!found) return {};
  if (!found->is_array()) bad_value(key, *found, "a list of token ids");
  if (found->size() > most) bad_value(key, found->size(), fmt::format("a list of {} at most", most));
  std::vector<int32_t> list;
  for (const OrderedJson& item : *found) {
    if (!item.is_number_integer() || item.get<int64_t>() < 0 || item.get<int64_t>() >= vocab_size) {
      bad_value(key, item, fmt::format("ids from 0 to {}", vocab_size - 1));
    }
    list.push_back(item.get<int32_t>());
  }
  return list;
}

void Body::pass_over(std::initializer_list<const char*> keys) {
  for (const char* key : keys) known_.insert(key);
}

void Body::only(const std::string& key, const std::vector<OrderedJson>& values, const std::string& why) {
  const OrderedJson* const found = find(key);
  if (!found) return;
  for (const OrderedJson& value : values) {
    if (*found == value) return;
  }
  throw ApiError(400, fmt::format("{} = {} is not supported: {}", key, shown(*found), why), key);
}

void Body::finish() const {
  for (const auto& [key, value] : json_.items()) {
    if (!known_.contains(key)) throw ApiError(400, fmt::format("{} is not supported", shown(key)), key);
  }
}

}  // namespace t6
