// JSON schemas as untrusted input: what can be enforced is written in a form in which xgrammar enforces it, all else is
// an error that names the keyword and its place.
#pragma once

#include <string>
#include <string_view>

#include "t6/grammar/grammar.h"

namespace t6 {

// Between two tokens of JSON: enough to indent it. Without a bound, a model that is not sure what comes writes blanks
// to the end.
inline constexpr int kMostBlanks = 16;

// Errors: malformed, beyond the limits, a keyword or a combination that is not enforced, no value can fit.
std::string enforceable_schema(std::string_view json, const GrammarLimits& limits);

}  // namespace t6
