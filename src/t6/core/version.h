// The version of this library and of its programs.
#pragma once

#include <string_view>

namespace t6 {

std::string_view version();  // "1.2.3", from the project's VERSION in CMakeLists.txt

}  // namespace t6
