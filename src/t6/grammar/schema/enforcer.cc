#include "t6/grammar/schema/enforcer.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/grammar/compile/messages.h"
#include "t6/grammar/schema/merge.h"
#include "t6/grammar/schema/references.h"

namespace t6 {
namespace {

// An error of a step, with the place that it is about.
template <typename Work>
auto at_place(const std::string& place, Work&& work) {
  try {
    return work();
  } catch (const Error& error) {
    fail("{}: {}", quotable(place), error.what());
  }
}

std::string below(const std::string& place, std::string_view keyword, std::string_view name) {
  return fmt::format("{}/{}/{}", place, keyword, name);
}

}  // namespace

SchemaJson SchemaEnforcer::enforce() {
  SchemaJson enforced = enforce(root_, "#");
  for (const auto& [target, place] : references_) {
    require(refers_to_schema(enforced, target), "{}: $ref '{}' leads to no schema within this one", quotable(place),
            quotable(target));
  }
  require_bounded_references(enforced, limits_.depth);
  tell_apart(enforced);
  return enforced;
}

// What combinations repeat is written each time.
void SchemaEnforcer::spend(size_t bytes) {
  bytes_ += static_cast<int64_t>(bytes);
  require(bytes_ <= 4 * limits_.text_bytes, "its combinations make it too large");
}

void SchemaEnforcer::spend_cost(int64_t cost) {
  cost_ += cost;
  require(cost_ <= limits_.cost, "its patterns and lengths together take too long to compile: {} of {}", cost_,
          limits_.cost);
}

SchemaJson SchemaEnforcer::enforce(const SchemaJson& schema, const std::string& place) {
  require(++schemas_ <= limits_.schemas, "it holds more than {} schemas, those repeated in combinations counted",
          limits_.schemas);
  if (schema.is_boolean()) {
    require(schema.get<bool>(), "{}: no value fits a schema that is false", quotable(place));
    return SchemaJson::object();
  }
  require(schema.is_object(), "{}: a schema must be an object or true", quotable(place));
  return enforce_object(schema, place);
}

SchemaJson SchemaEnforcer::enforce_object(const SchemaJson& schema, const std::string& place) {
  SchemaJson enforced = without_definitions(constraints_of(schema), place);
  for (const auto& [keyword, definitions] : schema.items()) {
    if (!holds_definitions(keyword)) continue;
    require(definitions.is_object(), "{}/{}: must be an object", quotable(place), keyword);
    for (const auto& [name, definition] : definitions.items()) {
      enforced[keyword][name] = enforce(definition, below(place, keyword, name));
    }
  }
  return enforced;
}

SchemaJson SchemaEnforcer::without_definitions(const SchemaJson& constraints, const std::string& place) {
  for (const auto& [keyword, value] : constraints.items()) {
    require(is_general(keyword) || constrained_type(keyword), "{}: the keyword '{}' is not supported", quotable(place),
            quotable(keyword));
  }
  if (constraints.contains("$ref")) return reference(constraints, place);
  if (constraints.contains("allOf")) return all_of(constraints, place);
  if (constraints.contains("const") || constraints.contains("enum")) return listed_values(constraints, place);
  for (const char* keyword : {"anyOf", "oneOf"}) {
    if (constraints.contains(keyword)) return any_of(constraints, keyword, place);
  }
  return typed(constraints, place);
}

SchemaJson SchemaEnforcer::reference(const SchemaJson& constraints, const std::string& place) {
  const SchemaJson& target = constraints.at("$ref");
  require(target.is_string(), "{}: $ref must be a string", quotable(place));
  require(constraints.size() == 1, "{}: '{}' beside $ref is not supported", quotable(place),
          quotable(constraints.size() == 1               ? ""
                   : constraints.begin().key() == "$ref" ? std::next(constraints.begin()).key()
                                                         : constraints.begin().key()));
  references_.emplace_back(target.get<std::string>(), place);
  return {{"$ref", target}};
}

// Values of a const or an enum, those that the type beside it leaves.
SchemaJson SchemaEnforcer::listed_values(const SchemaJson& constraints, const std::string& place) {
  const bool constant = constraints.contains("const");
  for (const auto& [keyword, value] : constraints.items()) {
    require(keyword == "type" || keyword == (constant ? "const" : "enum"), "{}: '{}' beside '{}' is not supported",
            quotable(place), quotable(keyword), constant ? "const" : "enum");
  }
  const SchemaJson values = constant ? SchemaJson::array({constraints.at("const")}) : constraints.at("enum");
  require(values.is_array() && std::ssize(values) <= limits_.choices, "{}: enum must be a list of at most {} values",
          quotable(place), limits_.choices);
  const std::vector<SchemaType> wanted = types(constraints, place);
  SchemaJson left = SchemaJson::array();
  for (const SchemaJson& value : values) {
    require_exact(value, place);
    spend(value.dump().size());
    const auto fits = [&](SchemaType type) { return has_type(value, type); };
    if (wanted.empty() || std::ranges::any_of(wanted, fits)) left.push_back(value);
  }
  require(!left.empty(), "{}: no value fits", quotable(place));
  return {{"enum", std::move(left)}};
}

SchemaJson SchemaEnforcer::all_of(const SchemaJson& constraints, const std::string& place) {
  const SchemaJson& parts = constraints.at("allOf");
  require(parts.is_array() && !parts.empty(), "{}: allOf must be a list of schemas", quotable(place));
  SchemaJson whole = constraints;
  whole.erase("allOf");
  at_place(place + "/allOf", [&] {
    for (const SchemaJson& part : parts) {
      if (!part.is_boolean() || !part.get<bool>()) whole = both_schemas(whole, part);
    }
  });
  require(++schemas_ <= limits_.schemas, "it holds more than {} schemas", limits_.schemas);
  return without_definitions(whole, place);
}

// Each alternative together with what stands beside the keyword.
SchemaJson SchemaEnforcer::any_of(const SchemaJson& constraints, const std::string& keyword, const std::string& place) {
  const SchemaJson& options = constraints.at(keyword);
  require(options.is_array() && !options.empty(), "{}: {} must be a list of schemas", quotable(place), keyword);
  SchemaJson beside = constraints;
  beside.erase(keyword);
  SchemaJson enforced = SchemaJson::array();
  for (size_t i = 0; i < options.size(); ++i) {
    const std::string here = below(place, keyword, std::to_string(i));
    for (size_t j = 0; keyword == "oneOf" && j < i; ++j) {
      require(disjointness_.holds(options[i], options[j]),
              "{}: oneOf is supported where types, enums or a required property with different values tell its "
              "schemas apart, and do not do so for {} and {}; anyOf may be what is meant",
              quotable(place), j, i);
    }
    if (beside.empty()) {
      enforced.push_back(enforce(options[i], here));
    } else {
      enforced.push_back(enforce(at_place(here, [&] { return both_schemas(beside, options[i]); }), here));
    }
  }
  return {{"anyOf", std::move(enforced)}};
}

std::vector<SchemaType> SchemaEnforcer::types(const SchemaJson& constraints, const std::string& place) const {
  std::vector<SchemaType> found;
  if (!constraints.contains("type")) return found;
  const SchemaJson& named = constraints.at("type");
  for (const SchemaJson& name : named.is_array() ? named : SchemaJson::array({named})) {
    const std::string text = name.is_string() ? name.get<std::string>() : name.dump();
    const auto known = std::ranges::find(kSchemaTypes, text);
    require(known != kSchemaTypes.end(), "{}: a type must be one of {}, not {}", quotable(place),
            fmt::join(kSchemaTypes, ", "), quotable(text));
    const auto type = static_cast<SchemaType>(known - kSchemaTypes.begin());
    if (std::ranges::find(found, type) == found.end()) found.push_back(type);
  }
  require(!found.empty(), "{}: the list of types is empty", quotable(place));
  if (std::ranges::find(found, SchemaType::number) != found.end()) std::erase(found, SchemaType::integer);
  return found;
}

// Without a type, what constraints are about is the type: of the values that fit, this gives some.
SchemaJson SchemaEnforcer::typed(const SchemaJson& constraints, const std::string& place) {
  std::vector<SchemaType> wanted = types(constraints, place);
  if (wanted.empty() && constraints.empty()) return SchemaJson::object();
  for (const auto& [keyword, value] : constraints.items()) {
    const auto type = constrained_type(keyword);
    if (!type || constraints.contains("type")) continue;
    if (wanted.empty()) wanted.push_back(*type);
    require(wanted.front() == *type, "{}: '{}' is about another type than other keywords here, and no type is given",
            quotable(place), keyword);
  }
  if (wanted.size() == 1) return of_type(constraints, wanted.front(), place);
  SchemaJson enforced = SchemaJson::array();
  for (const SchemaType type : wanted) enforced.push_back(of_type(constraints, type, place));
  return {{"anyOf", std::move(enforced)}};
}

// Constraints on other types mean nothing here.
SchemaJson SchemaEnforcer::of_type(const SchemaJson& constraints, SchemaType type, const std::string& place) {
  SchemaJson own = SchemaJson::object();
  for (const auto& [keyword, value] : constraints.items()) {
    const auto about = constrained_type(keyword);
    const bool number = about == SchemaType::number && type == SchemaType::integer;
    if (about && (about == type || number)) own[keyword] = value;
  }
  switch (type) {
    case SchemaType::object:
      return object(own, place);
    case SchemaType::array:
      return array(own, place);
    case SchemaType::string:
      return string(own, place);
    case SchemaType::integer:
    case SchemaType::number:
      return number(own, type, place);
    default:
      return {{"type", type_name(type)}};
  }
}

}  // namespace t6
