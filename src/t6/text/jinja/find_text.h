// Searching in text in linear time, whatever the text: Python's find does so too.
#pragma once

#include <string>
#include <string_view>

namespace t6::jinja {

// The first place of `part` from byte `from` on; npos when there is none.
size_t find_text(std::string_view text, std::string_view part, size_t from);
// The last place of `part`.
size_t find_last(std::string_view text, std::string_view part);

}  // namespace t6::jinja
