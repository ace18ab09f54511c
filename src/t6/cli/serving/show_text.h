// Shows what a model writes, as it comes.
#pragma once

#include <string_view>

namespace t6 {

// To standard output, at once. A terminal gets U+FFFD for control characters, so that no text moves its cursor or
// changes its settings; everything else gets each byte. `text`: whole UTF-8 characters.
void show_text(std::string_view text);

}  // namespace t6
