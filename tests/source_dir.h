// The checkout that the tests belong to.
#pragma once

#include <filesystem>

namespace t6 {

// Alone in its file, so that ccache knows all others again in any folder.
std::filesystem::path source_dir();

}  // namespace t6
