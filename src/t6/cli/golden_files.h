// The golden files of a folder, for both programs' `golden` commands.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace t6 {

// The .safetensors files of a folder, sorted. Error: no folder, or none in it.
std::vector<std::filesystem::path> golden_files(const std::string& folder);

}  // namespace t6
