#include "t6/cli/golden_files.h"

#include <algorithm>
#include <system_error>

#include "t6/core/error.h"

namespace t6 {

std::vector<std::filesystem::path> golden_files(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  require(!error, "{}: {}", folder, error.message());
  require(!files.empty(), "{}: holds no golden files (*.safetensors)", folder);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace t6
