// What schemas say about values of one type.
#include <algorithm>
#include <cmath>
#include <limits>

#include "t6/core/error.h"
#include "t6/grammar/compile/messages.h"
#include "t6/grammar/schema/enforcer.h"
#include "t6/grammar/schema/formats.h"
#include "t6/grammar/text/regex.h"
#include "t6/grammar/text/repetition.h"

namespace t6 {
namespace {

// Bounds above are written with more digits than xgrammar's expressions of ranges are made for.
constexpr double kLargestBound = 1e15;
// Of properties, times how many of them there may be, where these are counted: a rule for each pair is written.
constexpr int64_t kMostCountedProperties = 4000;

// xgrammar writes numbers with bounds with six digits behind the point: none between bounds that need more would be the
// empty text, and bounds themselves would be rounded.
void require_wide_range(const SchemaJson& constraints, const std::string& place) {
  const double infinity = std::numeric_limits<double>::infinity();
  double low = -infinity, high = infinity;
  for (const auto& [keyword, bound] : constraints.items()) {
    if (!keyword.ends_with("inimum") && !keyword.ends_with("aximum")) continue;
    const auto value = bound.get<double>();
    require(std::abs(value * 1e6 - std::round(value * 1e6)) <= std::abs(value) * 1e-9,
            "{}: {} is supported with six digits behind the point", quotable(place), quotable(keyword));
    // Twice the last digit stands for what an exclusive bound takes off.
    const double margin = keyword.starts_with("exclusive") ? 2e-6 : 0;
    keyword.ends_with("inimum") ? low = std::max(low, value + margin) : high = std::min(high, value - margin);
  }
  require(low <= high, "{}: no number with six digits behind the point lies between the bounds", quotable(place));
}

bool is_open(const SchemaJson& constraints) {
  if (!constraints.contains("additionalProperties")) return !constraints.contains("properties");
  const SchemaJson& others = constraints.at("additionalProperties");
  return !others.is_boolean() || others.get<bool>();
}

}  // namespace

int64_t SchemaEnforcer::count(const SchemaJson& constraints, const char* keyword, int64_t otherwise,
                              const std::string& place) const {
  if (!constraints.contains(keyword)) return otherwise;
  const SchemaJson& value = constraints.at(keyword);
  const bool whole = value.is_number() && value.get<double>() == std::floor(value.get<double>());
  require(whole && value.get<double>() >= 0 && value.get<double>() <= static_cast<double>(limits_.items),
          "{}: {} must be a whole number from 0 to {}", quotable(place), keyword, limits_.items);
  return static_cast<int64_t>(value.get<double>());
}

SchemaJson SchemaEnforcer::object(const SchemaJson& constraints, const std::string& place) {
  if (constraints.contains("patternProperties") || constraints.contains("propertyNames")) {
    return named_by_pattern(constraints, place);
  }
  SchemaJson enforced = {{"type", "object"}};
  const bool open = is_open(constraints);
  SchemaJson others = false;
  if (open) {
    others = SchemaJson::object();
    if (constraints.contains("additionalProperties")) {
      others = enforce(constraints.at("additionalProperties"), place + "/additionalProperties");
    }
  }
  enforced["additionalProperties"] = others;
  add_properties(constraints, place, enforced);
  const int64_t least = count(constraints, "minProperties", 0, place);
  const int64_t required = enforced.contains("required") ? std::ssize(enforced.at("required")) : 0;
  require(!open || least <= std::max<int64_t>(1, required),
          "{}: minProperties is not supported for properties without a name in the schema", quotable(place));
  const int64_t listed = enforced.contains("properties") ? std::ssize(enforced.at("properties")) : 0;
  const int64_t most = count(constraints, "maxProperties", -1, place);
  require((least <= required && most < 0) || listed * std::max(least, most) <= kMostCountedProperties,
          "{}: minProperties and maxProperties are not supported for {} properties", quotable(place), listed);
  if (least > required) enforced["minProperties"] = least;
  if (most >= 0) enforced["maxProperties"] = most;
  return enforced;
}

// Required ones that are not listed fit what holds for others.
void SchemaEnforcer::add_properties(const SchemaJson& constraints, const std::string& place, SchemaJson& enforced) {
  SchemaJson listed = SchemaJson::object();
  if (constraints.contains("properties")) {
    require(constraints.at("properties").is_object(), "{}: properties must be an object", quotable(place));
    for (const auto& [name, schema] : constraints.at("properties").items()) {
      spend(name.size());
      listed[name] = enforce(schema, fmt::format("{}/properties/{}", place, name));
    }
  }
  if (constraints.contains("required")) {
    const SchemaJson& required = constraints.at("required");
    require(required.is_array() && std::ssize(required) <= limits_.schemas, "{}: required must be a list of at most {}",
            quotable(place), limits_.schemas);
    for (const SchemaJson& name : required) {
      require(name.is_string(), "{}: required must be a list of names", quotable(place));
      const auto& text = name.get_ref<const std::string&>();
      if (listed.contains(text)) continue;
      require(!constraints.contains("additionalProperties") || enforced.at("additionalProperties").is_object(),
              "{}: the required property '{}' is not among the properties, and others are not allowed", quotable(place),
              quotable(text));
      listed[text] =
          enforced.at("additionalProperties").is_object() ? enforced.at("additionalProperties") : SchemaJson::object();
    }
    if (!required.empty()) enforced["required"] = required;
  }
  if (!listed.empty()) enforced["properties"] = std::move(listed);
}

// Objects whose names match an expression or are in a list, and whose values all fit one schema.
SchemaJson SchemaEnforcer::named_by_pattern(const SchemaJson& constraints, const std::string& place) {
  const bool patterns = constraints.contains("patternProperties"), names = constraints.contains("propertyNames");
  require(patterns != names && !constraints.contains("properties") && !constraints.contains("required"),
          "{}: patternProperties and propertyNames are not supported together or beside properties and required",
          quotable(place));
  SchemaJson expression, value = SchemaJson::object();
  if (patterns) {
    const SchemaJson& rows = constraints.at("patternProperties");
    require(rows.is_object() && rows.size() == 1, "{}: patternProperties is supported for one pattern",
            quotable(place));
    require(!constraints.contains("additionalProperties") || !is_open(constraints),
            "{}: patternProperties is supported where additionalProperties is false", quotable(place));
    expression = rows.begin().key();
    value = enforce(rows.begin().value(), place + "/patternProperties");
  } else {
    const SchemaJson wanted = constraints_of(constraints.at("propertyNames"));
    require(wanted.contains("pattern") && wanted.size() == (wanted.contains("type") ? 2 : 1) &&
                (!wanted.contains("type") || wanted.at("type") == "string"),
            "{}: propertyNames is supported with a pattern alone", quotable(place));
    require(is_open(constraints), "{}: propertyNames is not supported without additionalProperties", quotable(place));
    expression = wanted.at("pattern");
    if (constraints.contains("additionalProperties")) {
      value = enforce(constraints.at("additionalProperties"), place + "/additionalProperties");
    }
  }
  const int64_t least = count(constraints, "minProperties", 0, place);
  require(least <= 1, "{}: minProperties is not supported for properties without a name in the schema",
          quotable(place));
  SchemaJson enforced = {{"type", "object"}, {"additionalProperties", false}};
  enforced["patternProperties"][this->expression(expression, place)] = std::move(value);
  if (least > 0) enforced["minProperties"] = least;
  if (constraints.contains("maxProperties")) enforced["maxProperties"] = count(constraints, "maxProperties", 0, place);
  return enforced;
}

SchemaJson SchemaEnforcer::array(const SchemaJson& constraints, const std::string& place) {
  require(!constraints.contains("uniqueItems") || constraints.at("uniqueItems") == false,
          "{}: the keyword 'uniqueItems' is not supported", quotable(place));
  SchemaJson enforced = {{"type", "array"}};
  int64_t first = 0;
  if (constraints.contains("prefixItems")) {
    const SchemaJson& items = constraints.at("prefixItems");
    require(items.is_array(), "{}: prefixItems must be a list", quotable(place));
    enforced["prefixItems"] = SchemaJson::array();
    for (const SchemaJson& item : items) {
      enforced["prefixItems"].push_back(enforce(item, fmt::format("{}/prefixItems/{}", place, first++)));
    }
  }
  const int64_t least = count(constraints, "minItems", 0, place);
  const bool listed = constraints.contains("items");
  if (listed && constraints.at("items") == false) {
    enforced["items"] = false;
  } else if (listed) {
    require(!constraints.at("items").is_array(), "{}: a list as items is not supported; prefixItems is its new name",
            quotable(place));
    enforced["items"] = enforce(constraints.at("items"), place + "/items");
  } else if (first == 0 || least > first) {
    enforced["items"] = SchemaJson::object();
  }
  if (least > 0) enforced["minItems"] = least;
  if (constraints.contains("maxItems")) enforced["maxItems"] = count(constraints, "maxItems", 0, place);
  return enforced;
}

std::string SchemaEnforcer::expression(const SchemaJson& pattern, const std::string& place) {
  require(pattern.is_string(), "{}: a pattern must be a string", quotable(place));
  const auto& text = pattern.get_ref<const std::string&>();
  try {
    EnforcedRegex enforced = enforceable_regex(text, RegexPlace::json_string, limits_);
    spend(enforced.text.size());
    spend_cost(enforced.cost);
    return enforced.text;
  } catch (const Error& error) {
    fail("{}: the pattern '{}': {}", quotable(place), quotable(text), error.what());
  }
}

SchemaJson SchemaEnforcer::string(const SchemaJson& constraints, const std::string& place) {
  const int64_t least = count(constraints, "minLength", 0, place), most = count(constraints, "maxLength", -1, place);
  require(most < 0 || least <= most, "{}: minLength {} is more than maxLength {}", quotable(place), least, most);
  const bool bounded = least > 0 || most >= 0;
  const bool patterned = constraints.contains("pattern"), formatted = constraints.contains("format");
  require(patterned + formatted + bounded <= 1, "{}: of pattern, format and a length only one is supported at a time",
          quotable(place));
  if (patterned) return {{"type", "string"}, {"pattern", expression(constraints.at("pattern"), place)}};
  if (formatted) {
    const SchemaJson& format = constraints.at("format");
    const std::string_view known = format.is_string() ? format_expression(format.get_ref<const std::string&>()) : "";
    require(!known.empty(), "{}: the format {} is not supported, only {}", quotable(place), quotable(format.dump()),
            format_names());
    return {{"type", "string"}, {"pattern", expression(known, place)}};
  }
  if (most == 0) return {{"enum", {""}}};
  if (!bounded) return {{"type", "string"}};
  spend_cost(kWideCost * std::min(kMostCopies, std::max(least, most)));
  // As a pattern, since xgrammar's lengths let control characters through. It names what JSON escapes: what xgrammar
  // leaves out of patterns comes back where it repeats more than kMostCopies times.
  const std::string text = fmt::format(R"([^"\\\x00-\x1f]{{{},{}}})", least, most < 0 ? "" : std::to_string(most));
  return {{"type", "string"}, {"pattern", text}};
}

SchemaJson SchemaEnforcer::number(const SchemaJson& constraints, SchemaType type, const std::string& place) {
  SchemaJson enforced = {{"type", type_name(type)}};
  if (constraints.contains("multipleOf")) {
    const SchemaJson& factor = constraints.at("multipleOf");
    require(factor.is_number() && factor.get<double>() >= 1 && factor.get<double>() == std::floor(factor.get<double>()),
            "{}: multipleOf is supported for whole numbers from 1 up", quotable(place));
    type = SchemaType::integer;
    enforced = {{"type", type_name(type)}, {"multipleOf", factor}};
  }
  for (const char* keyword : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
    if (!constraints.contains(keyword)) continue;
    const SchemaJson& bound = constraints.at(keyword);
    require(bound.is_number() && std::abs(bound.get<double>()) <= kLargestBound,
            "{}: {} must be a number of at most {}", quotable(place), keyword, kLargestBound);
    const double value = bound.get<double>();
    if (type == SchemaType::integer && value != std::floor(value)) {
      const bool below = std::string_view(keyword).ends_with("inimum");
      enforced[below ? "minimum" : "maximum"] = static_cast<int64_t>(below ? std::ceil(value) : std::floor(value));
    } else {
      enforced[keyword] = bound;
    }
  }
  if (type == SchemaType::number) require_wide_range(constraints, place);
  return enforced;
}

}  // namespace t6
