#include "t6/grammar/schema/schema.h"

#include "t6/core/error.h"
#include "t6/grammar/compile/messages.h"
#include "t6/grammar/schema/enforcer.h"

namespace t6 {
namespace {

// Refuses what would take long to read, as it is read: depth, and keys, which are searched one after the other.
SchemaJson parse(std::string_view json, const GrammarLimits& limits) {
  std::vector<int64_t> keys;
  const auto watch = [&](int depth, SchemaJson::parse_event_t event, SchemaJson&) {
    using Event = SchemaJson::parse_event_t;
    // A schema within a schema is two levels down: an object of properties, and the schema itself.
    require(depth <= 2 * limits.depth, "it is nested more than {} deep", 2 * limits.depth);
    if (event == Event::object_start) {
      keys.resize(static_cast<size_t>(depth) + 2);
      keys[static_cast<size_t>(depth) + 1] = 0;
    } else if (event == Event::key) {
      require(++keys[static_cast<size_t>(depth)] <= limits.schemas, "an object has more than {} keys", limits.schemas);
    }
    return true;
  };
  try {
    return SchemaJson::parse(json, watch);
  } catch (const SchemaJson::exception& error) {
    fail("it is not JSON: {}", quotable(error.what()));
  }
}

}  // namespace

std::string enforceable_schema(std::string_view json, const GrammarLimits& limits) {
  const SchemaJson schema = parse(json, limits);
  return SchemaEnforcer(schema, limits).enforce().dump();
}

}  // namespace t6
