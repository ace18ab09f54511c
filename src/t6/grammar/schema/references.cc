#include "t6/grammar/schema/references.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "t6/grammar/compile/messages.h"

namespace t6 {
namespace {

// Names that xgrammar leaves out where it compares schemas.
const std::set<std::string, std::less<>> kLeftOut = {"title",    "default",   "description", "examples", "deprecated",
                                                     "readOnly", "writeOnly", "$comment",    "$schema"};

bool holds_left_out(const SchemaJson& value) {
  if (!value.is_structured()) return false;
  for (const auto& [key, part] : value.items()) {
    if ((value.is_object() && kLeftOut.contains(key)) || holds_left_out(part)) return true;
  }
  return false;
}

bool tell_apart(SchemaJson& schema, std::map<std::string, size_t>& known) {
  bool told = false;
  visit_subschemas(schema, [&](SchemaJson& part) { told |= tell_apart(part, known); });
  if (!told && !holds_left_out(schema)) return false;
  const size_t number = known.emplace(schema.dump(), known.size()).first->second;
  schema["x-t6"] = number;
  return true;
}

// The schema that "#/a/b" leads to; null: none.
const SchemaJson* find_schema(const SchemaJson& root, std::string_view target) {
  if (target == "#") return &root;
  if (!target.starts_with("#/") || target.find_first_of("~%") != std::string_view::npos) return nullptr;
  const SchemaJson* at = &root;
  bool in_names = false;  // between a keyword such as "properties" and a name
  for (size_t begin = 2; begin <= target.size();) {
    const size_t end = std::min(target.find('/', begin), target.size());
    const std::string step(target.substr(begin, end - begin));
    if (step.empty() || !at->is_object() || !at->contains(step)) return nullptr;
    const bool names = step == "properties" || step == "patternProperties" || holds_definitions(step);
    const bool schema = step == "items" || step == "additionalProperties";
    if (!in_names && !names && !schema) return nullptr;
    at = &at->at(step);
    in_names = !in_names && names;
    begin = end + 1;
  }
  return in_names || !at->is_object() ? nullptr : at;
}

// Follows references depth first, each once.
class ReferenceWalk {
 public:
  ReferenceWalk(const SchemaJson& root, int64_t most) : root_(root), most_(most) {}

  // `depth` references led here, `bare` of them with nothing between.
  void visit(const SchemaJson& schema, int64_t depth, std::set<std::string> bare) {
    if (!schema.contains("$ref")) {
      return visit_subschemas(schema, [&](const SchemaJson& part) { visit(part, depth, {}); });
    }
    const auto& target = schema.at("$ref").get_ref<const std::string&>();
    require(bare.insert(target).second, "$ref '{}' leads to itself and nowhere else", quotable(target));
    require(depth < most_, "schemas refer to each other more than {} deep", most_);
    const SchemaJson& next = *find_schema(root_, target);
    if (next.contains("$ref") || seen_.insert(target).second) visit(next, depth + 1, std::move(bare));
  }

 private:
  const SchemaJson& root_;
  const int64_t most_;
  std::set<std::string> seen_;
};

}  // namespace

bool refers_to_schema(const SchemaJson& root, std::string_view target) { return find_schema(root, target) != nullptr; }

void require_bounded_references(const SchemaJson& root, int64_t most) { ReferenceWalk(root, most).visit(root, 0, {}); }

void require_exact(const SchemaJson& value, std::string_view place) {
  if (value.is_structured()) {
    for (const SchemaJson& part : value) require_exact(part, place);
  }
  require(!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t{INT64_MAX},
          "{}: the number {} does not fit into 64 bits with a sign", quotable(place), value.dump());
}

void tell_apart(SchemaJson& root) {
  std::map<std::string, size_t> known;
  (void)tell_apart(root, known);
}

}  // namespace t6
