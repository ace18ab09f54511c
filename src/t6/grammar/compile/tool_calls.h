// Calls of tools as what xgrammar calls a structural tag.
#pragma once

#include <string>

#include "t6/grammar/grammar.h"

namespace t6 {

// All that `calls` says, as a text. Error: a text of it is not UTF-8.
std::string tool_calls_key(const ToolCalls& calls);

// Errors: no tags, a tag without a begin or an end or with other than one trigger, a schema's own.
std::string structural_tag(const ToolCalls& calls, const GrammarLimits& limits);

}  // namespace t6
