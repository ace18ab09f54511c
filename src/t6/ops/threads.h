// One pool of threads for LibTorch's operators and for our kernels.
#pragma once

#include "t6/kernels/context.h"

namespace t6 {

// The context of operators that this thread calls: kernels run on LibTorch's threads, as many as it uses at this
// moment. With pools of their own, the two would spin and wake up at each other's cost from operator to operator.
Context& torch_context();

}  // namespace t6
