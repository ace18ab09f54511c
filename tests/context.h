// The context of tests that do not care which one it is.
#pragma once

#include "t6/kernels/context.h"

namespace t6 {

inline Context& test_context() {
  static Context context;
  return context;
}

}  // namespace t6
