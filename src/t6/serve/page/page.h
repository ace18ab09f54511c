// The page to chat on: index.html, a part of the program.
#pragma once

#include <string_view>

namespace t6 {

std::string_view page_text();

}  // namespace t6
