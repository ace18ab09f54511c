#include "t6/grammar/schema/disjoint.h"

#include <algorithm>
#include <bitset>
#include <string>
#include <vector>

#include "t6/core/error.h"

namespace t6 {
namespace {

constexpr int kMostReferences = 16;  // that are followed one after the other
constexpr size_t kMostSteps = 1'000'000;

using Types = std::bitset<kSchemaTypes.size()>;

const SchemaJson* follow(const SchemaJson& schema, const SchemaJson& root) {
  const SchemaJson* at = &schema;
  for (int i = 0; i < kMostReferences; ++i) {
    if (!at->is_object() || !at->contains("$ref")) return at;
    const SchemaJson& reference = at->at("$ref");
    if (!reference.is_string() || !reference.get_ref<const std::string&>().starts_with("#")) return nullptr;
    try {
      at = &root.at(SchemaJson::json_pointer(reference.get_ref<const std::string&>().substr(1)));
    } catch (const SchemaJson::exception&) {
      return nullptr;
    }
  }
  return nullptr;
}

void add(Types& types, SchemaType type) {
  types.set(static_cast<size_t>(type));
  if (type == SchemaType::number) types.set(static_cast<size_t>(SchemaType::integer));
}

// The values of an enum or const; empty: it lists none.
std::vector<SchemaJson> listed(const SchemaJson& schema) {
  if (schema.contains("const")) return {schema.at("const")};
  if (!schema.contains("enum") || !schema.at("enum").is_array()) return {};
  return {schema.at("enum").begin(), schema.at("enum").end()};
}

size_t listed_size(const SchemaJson& schema) { return schema.contains("enum") ? schema.at("enum").size() : 0; }

// All that values of this schema may have.
Types types_of(const SchemaJson& schema) {
  Types types;
  const std::vector<SchemaJson> all = listed(schema);
  if (!all.empty()) {
    for (size_t i = 0; i < kSchemaTypes.size(); ++i) {
      if (std::ranges::any_of(all, [&](const auto& value) { return has_type(value, static_cast<SchemaType>(i)); })) {
        add(types, static_cast<SchemaType>(i));
      }
    }
    return types;
  }
  if (!schema.contains("type")) return types.set();
  const SchemaJson named = schema.at("type").is_array() ? schema.at("type") : SchemaJson::array({schema.at("type")});
  for (const SchemaJson& name : named) {
    const auto type = name.is_string() ? schema_type(name.get_ref<const std::string&>()) : std::nullopt;
    if (!type) return types.set();
    add(types, *type);
  }
  return types;
}

bool has_properties(const SchemaJson& schema) {
  return schema.contains("properties") && schema.at("properties").is_object();
}

bool requires_property(const SchemaJson& schema, const std::string& name) {
  return schema.contains("required") && schema.at("required").is_array() &&
         std::ranges::find(schema.at("required"), SchemaJson(name)) != schema.at("required").end();
}

}  // namespace

void Disjointness::charge(size_t steps) {
  steps_ += steps;
  require(steps_ <= kMostSteps, "telling the schemas of oneOf apart takes too long");
}

bool Disjointness::disjoint(const SchemaJson& in_a, const SchemaJson& in_b, int depth) {
  const SchemaJson* a = follow(in_a, root_);
  const SchemaJson* b = follow(in_b, root_);
  if (!a || !b || !a->is_object() || !b->is_object()) return false;
  charge(1 + listed_size(*a) + listed_size(*b));
  const Types common = types_of(*a) & types_of(*b);
  if (common.none()) return true;
  const std::vector<SchemaJson> of_a = listed(*a), of_b = listed(*b);
  if (!of_a.empty() && !of_b.empty()) {
    charge(of_a.size() * of_b.size());
    return std::ranges::none_of(of_a, [&](const auto& v) { return std::ranges::find(of_b, v) != of_b.end(); });
  }
  Types object;
  add(object, SchemaType::object);
  return common == object && depth > 0 && told_apart(*a, *b, depth);
}

// A property that both require, whose schemas have no value in common.
bool Disjointness::told_apart(const SchemaJson& a, const SchemaJson& b, int depth) {
  if (!has_properties(a) || !has_properties(b)) return false;
  const SchemaJson& others = b.at("properties");
  for (const auto& [name, schema] : a.at("properties").items()) {
    charge(1 + others.size());
    if (!others.contains(name) || !requires_property(a, name) || !requires_property(b, name)) continue;
    if (disjoint(schema, others.at(name), depth - 1)) return true;
  }
  return false;
}

}  // namespace t6
