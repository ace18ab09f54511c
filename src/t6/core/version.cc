#include "t6/core/version.h"

namespace t6 {

std::string_view version() { return T6_VERSION; }

}  // namespace t6
