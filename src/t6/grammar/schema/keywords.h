// The keywords of JSON Schema as tables: what is an annotation, which type a constraint is about.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace t6 {

using SchemaJson = nlohmann::ordered_json;  // properties keep their order

enum class SchemaType { null, boolean, integer, number, string, array, object };
inline constexpr std::array<std::string_view, 7> kSchemaTypes = {"null",   "boolean", "integer", "number",
                                                                 "string", "array",   "object"};
inline std::string_view type_name(SchemaType type) { return kSchemaTypes[static_cast<size_t>(type)]; }
std::optional<SchemaType> schema_type(std::string_view name);
bool has_type(const SchemaJson& value, SchemaType type);

// Keywords that allow or forbid nothing.
bool is_annotation(std::string_view keyword);
// "$defs" and the older "definitions".
bool holds_definitions(std::string_view keyword);
// The type that a constraint is about: number for both kinds of numbers. None: about all, or not supported.
std::optional<SchemaType> constrained_type(std::string_view keyword);
// Whether a constraint is about any type at all: type, enum, const, anyOf, oneOf, allOf, $ref.
bool is_general(std::string_view keyword);

// Keywords of an object that are neither annotations nor definitions.
SchemaJson constraints_of(const SchemaJson& schema);

// Calls `visit` with each schema that stands right within one that is written as it is enforced (enforcer.h).
template <typename Schema, typename Visit>
void visit_subschemas(Schema& schema, Visit&& visit) {
  for (const char* keyword : {"properties", "patternProperties", "$defs", "definitions", "anyOf", "prefixItems"}) {
    if (schema.contains(keyword)) {
      for (auto& part : schema.at(keyword)) visit(part);
    }
  }
  for (const char* keyword : {"items", "additionalProperties"}) {
    if (schema.contains(keyword) && schema.at(keyword).is_object()) visit(schema.at(keyword));
  }
}

}  // namespace t6
