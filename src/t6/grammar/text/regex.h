// Regular expressions as untrusted input, checked before xgrammar reads them.
#pragma once

#include <string>
#include <string_view>

#include "t6/grammar/grammar.h"

namespace t6 {

// Where an expression's text stands: by itself, or within the quotes of a JSON string, which writes some characters by
// escapes that no expression knows of.
enum class RegexPlace { text, json_string };

struct EnforcedRegex {
  std::string text;
  int64_t cost = 0;  // of compiling it (GrammarLimits::cost)
};

// The expression as xgrammar is to read it: `.` is no end of line. It stands for whole texts; where it is to be found
// within a text, as in a schema, this gives some of the texts that fit. Errors: malformed, beyond the limits, or it
// uses what is not enforced: lookaround, back references, word boundaries, anchors in the middle, flags, Unicode
// properties; in a JSON string also characters that are not printable ASCII, and what needs a quote, a backslash or a
// control character.
EnforcedRegex enforceable_regex(std::string_view expression, RegexPlace place, const GrammarLimits& limits);

}  // namespace t6
