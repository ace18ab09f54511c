// Rules in EBNF as untrusted input, checked before xgrammar reads them.
#pragma once

#include <string_view>

#include "t6/grammar/grammar.h"

namespace t6 {

// Errors: beyond the limits in depth, rules or repetitions.
void check_ebnf(std::string_view rules, const GrammarLimits& limits);

}  // namespace t6
