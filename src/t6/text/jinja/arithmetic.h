// Python's operators.
#pragma once

#include "t6/text/jinja/runtime.h"
#include "t6/text/jinja/syntax.h"

namespace t6::jinja {

// Arithmetic, and + * % of texts and lists. Error: types without the operator, an integer of more than 64 bits.
Value apply(Operator op, const Value& a, const Value& b, Runtime* runtime);
Value apply(Operator op, const Value& value);  // negate, plus
// Comparisons, in and not_in.
bool compare(Operator op, const Value& a, const Value& b, Runtime* runtime);
bool contains(const Value& container, const Value& item, Runtime* runtime);

// Throws the message of an undefined value, if this is one.
void require_defined(const Value& value);

// Of floats that are whole.
Value whole(double number);

}  // namespace t6::jinja
