#include "tests/source_dir.h"

namespace t6 {

std::filesystem::path source_dir() { return T6_SOURCE_DIR; }

}  // namespace t6
