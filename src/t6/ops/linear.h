// A linear layer without bias on our matrix product.
#pragma once

#include <torch/torch.h>

#include <optional>

namespace t6 {

// y = x W^T, the operator torch.ops.t6.linear. x [..., K], weight [N, K] -> [..., N], on the CPU, of one floating type,
// or each of float32 or bfloat16 (ops/product.h); y has x's type unless `type` is given. Gradients of the first order,
// of the types of what they are for; in mixed types they are products in bfloat16, too.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, std::optional<torch::ScalarType> type = {});

}  // namespace t6
