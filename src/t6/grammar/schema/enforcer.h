// Writes a schema in the few forms that xgrammar enforces to the letter, or refuses it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "t6/grammar/grammar.h"
#include "t6/grammar/schema/disjoint.h"
#include "t6/grammar/schema/keywords.h"

namespace t6 {

class SchemaEnforcer {
 public:
  // Both outlive this.
  SchemaEnforcer(const SchemaJson& root, const GrammarLimits& limits)
      : root_(root), limits_(limits), disjointness_(root) {}

  // Once. Errors: those of enforceable_schema(), with the place as "#/properties/a".
  SchemaJson enforce();

 private:
  SchemaJson enforce(const SchemaJson& schema, const std::string& place);
  SchemaJson enforce_object(const SchemaJson& schema, const std::string& place);
  SchemaJson without_definitions(const SchemaJson& schema, const std::string& place);
  SchemaJson reference(const SchemaJson& constraints, const std::string& place);
  SchemaJson listed_values(const SchemaJson& constraints, const std::string& place);
  SchemaJson all_of(const SchemaJson& constraints, const std::string& place);
  SchemaJson any_of(const SchemaJson& constraints, const std::string& keyword, const std::string& place);
  SchemaJson typed(const SchemaJson& constraints, const std::string& place);
  SchemaJson of_type(const SchemaJson& constraints, SchemaType type, const std::string& place);
  SchemaJson object(const SchemaJson& constraints, const std::string& place);
  void add_properties(const SchemaJson& constraints, const std::string& place, SchemaJson& enforced);
  SchemaJson named_by_pattern(const SchemaJson& constraints, const std::string& place);
  SchemaJson array(const SchemaJson& constraints, const std::string& place);
  SchemaJson string(const SchemaJson& constraints, const std::string& place);
  SchemaJson number(const SchemaJson& constraints, SchemaType type, const std::string& place);
  std::vector<SchemaType> types(const SchemaJson& constraints, const std::string& place) const;
  std::string expression(const SchemaJson& pattern, const std::string& place);
  int64_t count(const SchemaJson& constraints, const char* keyword, int64_t otherwise, const std::string& place) const;
  void spend(size_t bytes);
  void spend_cost(int64_t cost);

  const SchemaJson& root_;
  const GrammarLimits& limits_;
  Disjointness disjointness_;
  int64_t schemas_ = 0, bytes_ = 0, cost_ = 0;                   // so far
  std::vector<std::pair<std::string, std::string>> references_;  // target, place
};

}  // namespace t6
