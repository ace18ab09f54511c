// Characters newer than PCRE2's Unicode tables, so that our patterns see the categories that Hugging Face sees.
#pragma once

#include <string>
#include <string_view>

namespace t6 {

// What Unicode 15 to 16 added to a general category ("Lu", or "L" for all that begin with it), as ranges of a PCRE2
// character class: "\x{1c89}\x{a7cb}-\x{a7cc}". Empty when there is nothing.
std::string unicode_additions(std::string_view category);

}  // namespace t6
