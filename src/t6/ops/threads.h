// One pool of threads for LibTorch's operators and for our kernels.
#pragma once

namespace t6 {

// From now on the kernels run on LibTorch's threads, as many as it uses at this moment. Every operator calls this
// first: with pools of their own, the two would spin and wake up at each other's cost from operator to operator.
void use_torch_threads();

}  // namespace t6
