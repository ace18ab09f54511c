// The second half of a gated feed-forward layer in bfloat16.
#pragma once

#include <torch/torch.h>

namespace t6 {

// y = (act(gate) * up) W^T in float32, act being SiLU or GELU in its form with a tanh. gate and up [..., K] bfloat16,
// weight [N, K] float32. Their two are kept for the gradients, and their product is not: it is made again. Gradients of
// the first order.
torch::Tensor gated_linear(const torch::Tensor& gate, const torch::Tensor& up, const torch::Tensor& weight, bool gelu);

}  // namespace t6
