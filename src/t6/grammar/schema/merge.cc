#include "t6/grammar/schema/merge.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/grammar/compile/messages.h"

namespace t6 {
namespace {

SchemaJson both_properties(const SchemaJson& a, const SchemaJson& b) {
  SchemaJson all = a;
  for (const auto& [name, schema] : b.items()) {
    require(!all.contains(name) || all[name] == schema, "two schemas for the property '{}' cannot hold together",
            quotable(name));
    all[name] = schema;
  }
  return all;
}

SchemaJson both_lists(const SchemaJson& a, const SchemaJson& b) {
  SchemaJson all = a;
  for (const SchemaJson& value : b) {
    if (std::ranges::find(all, value) == all.end()) all.push_back(value);
  }
  return all;
}

// Keywords whose meaning depends on the names or items that their own schema lists.
void require_alike(const SchemaJson& a, const SchemaJson& b, std::string_view keyword, std::string_view listing) {
  const std::string key(keyword), list(listing);
  if (!a.contains(key) && !b.contains(key)) return;
  const bool same = a.contains(key) == b.contains(key) && a.at(key) == b.at(key);
  require(same && a.contains(list) == b.contains(list) && (!a.contains(list) || a.at(list) == b.at(list)),
          "'{}' together with '{}' of another schema that must hold, too, is not supported", keyword, listing);
}

}  // namespace

SchemaJson both_schemas(const SchemaJson& a, const SchemaJson& b) {
  require(a.is_object() && b.is_object(), "schemas that are no objects cannot hold together with others");
  SchemaJson all = constraints_of(a);
  const SchemaJson other = constraints_of(b);
  require_alike(all, other, "additionalProperties", "properties");
  require_alike(all, other, "patternProperties", "properties");
  require_alike(all, other, "items", "prefixItems");
  for (const auto& [keyword, value] : other.items()) {
    if (!all.contains(keyword) || all[keyword] == value) {
      all[keyword] = value;
    } else if (keyword == "properties" && value.is_object() && all[keyword].is_object()) {
      all[keyword] = both_properties(all[keyword], value);
    } else if (keyword == "required" && value.is_array() && all[keyword].is_array()) {
      all[keyword] = both_lists(all[keyword], value);
    } else {
      fail("two schemas with different '{}' cannot hold together", quotable(keyword));
    }
  }
  return all;
}

}  // namespace t6
