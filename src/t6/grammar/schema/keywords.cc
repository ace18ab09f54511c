#include "t6/grammar/schema/keywords.h"

#include <algorithm>
#include <utility>

namespace t6 {
namespace {

constexpr std::array<std::string_view, 12> kAnnotations = {
    "title",      "description", "default", "examples",        "example",          "$comment",
    "deprecated", "readOnly",    "$schema", "contentEncoding", "contentMediaType", "discriminator"};
constexpr std::array<std::string_view, 7> kGeneral = {"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"};
constexpr std::array<std::pair<std::string_view, SchemaType>, 20> kConstraints = {{
    {"properties", SchemaType::object},        {"required", SchemaType::object},
    {"patternProperties", SchemaType::object}, {"additionalProperties", SchemaType::object},
    {"propertyNames", SchemaType::object},     {"minProperties", SchemaType::object},
    {"maxProperties", SchemaType::object},     {"items", SchemaType::array},
    {"prefixItems", SchemaType::array},        {"minItems", SchemaType::array},
    {"maxItems", SchemaType::array},           {"uniqueItems", SchemaType::array},
    {"minLength", SchemaType::string},         {"maxLength", SchemaType::string},
    {"pattern", SchemaType::string},           {"minimum", SchemaType::number},
    {"maximum", SchemaType::number},           {"exclusiveMinimum", SchemaType::number},
    {"exclusiveMaximum", SchemaType::number},  {"multipleOf", SchemaType::number},
}};

template <typename Table>
bool contains(const Table& table, std::string_view keyword) {
  return std::ranges::find(table, keyword) != table.end();
}

}  // namespace

std::optional<SchemaType> schema_type(std::string_view name) {
  const auto found = std::ranges::find(kSchemaTypes, name);
  if (found == kSchemaTypes.end()) return std::nullopt;
  return static_cast<SchemaType>(found - kSchemaTypes.begin());
}

bool has_type(const SchemaJson& value, SchemaType type) {
  switch (type) {
    case SchemaType::null:
      return value.is_null();
    case SchemaType::boolean:
      return value.is_boolean();
    case SchemaType::integer:
      return value.is_number_integer();
    case SchemaType::number:
      return value.is_number();
    case SchemaType::string:
      return value.is_string();
    case SchemaType::array:
      return value.is_array();
    case SchemaType::object:
      return value.is_object();
  }
  return false;
}

bool is_annotation(std::string_view keyword) {
  return keyword.starts_with("x-") || keyword == "writeOnly" || contains(kAnnotations, keyword);
}

bool holds_definitions(std::string_view keyword) { return keyword == "$defs" || keyword == "definitions"; }

std::optional<SchemaType> constrained_type(std::string_view keyword) {
  if (keyword == "format") return SchemaType::string;
  const auto found = std::ranges::find(kConstraints, keyword, [](const auto& row) { return row.first; });
  if (found == kConstraints.end()) return std::nullopt;
  return found->second;
}

bool is_general(std::string_view keyword) { return contains(kGeneral, keyword); }

SchemaJson constraints_of(const SchemaJson& schema) {
  SchemaJson kept = SchemaJson::object();
  for (const auto& [keyword, value] : schema.items()) {
    if (!is_annotation(keyword) && !holds_definitions(keyword)) kept[keyword] = value;
  }
  return kept;
}

}  // namespace t6
