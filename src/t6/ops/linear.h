// A linear layer without bias on our matrix product.
#pragma once

#include <torch/torch.h>

namespace t6 {

// y = x W^T, the operator torch.ops.t6.linear. x [..., K], weight [N, K] -> [..., N], on the CPU, of one floating type.
// Gradients of the first order.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight);

}  // namespace t6
