// Two schemas that both hold, as one.
#pragma once

#include "t6/grammar/schema/keywords.h"

namespace t6 {

// The constraints of both; annotations and definitions are left out. Error: they cannot be written as one, with the
// keyword that both have.
SchemaJson both_schemas(const SchemaJson& a, const SchemaJson& b);

}  // namespace t6
