// From the regular expressions of a tokenizer.json (Oniguruma, Ruby's syntax) to PCRE2's.
#pragma once

#include <string>
#include <string_view>

namespace t6 {

// A PCRE2 pattern that matches what Oniguruma matches. Error, beginning with `source`: a construct that the two read
// differently and that no known tokenizer uses ("{2,3}+", "[a&&b]", "\h", "(?m:").
std::string pcre_from_oniguruma(std::string_view pattern, const std::string& source);

}  // namespace t6
