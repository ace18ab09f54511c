// References between schemas, once all is written as it is enforced.
#pragma once

#include <cstdint>
#include <string_view>

#include "t6/grammar/schema/keywords.h"

namespace t6 {

// Whether "#" or "#/..." leads from the root to a schema, and not to something between schemas. Names with '~' or '%',
// which would be escapes, lead nowhere.
bool refers_to_schema(const SchemaJson& root, std::string_view target);

// Errors: references that lead to themselves and nowhere else, and more than so many schemas that refer one to the
// next.
void require_bounded_references(const SchemaJson& root, int64_t most);

// A number or what holds numbers is exact for xgrammar: whole numbers of 64 bits, others as a double. Error: it is not.
void require_exact(const SchemaJson& value, std::string_view place);

// xgrammar takes schemas for one that differ in parts by names such as "title" alone, as properties may have: each of
// them gets something else that differs.
void tell_apart(SchemaJson& root);

}  // namespace t6
