// Rotation of bfloat16 features in one pass.
#pragma once

#include <torch/torch.h>

namespace t6 {

// Turns the first 2 half features of x [B, T, R, D], bfloat16, in pairs (i, i + half): y1 = x1 cos - x2 sin, y2 = x2
// cos + x1 sin, computed in float32. cos and sin [at least T, 1, half] float32, contiguous, constants. Gradients of the
// first order.
torch::Tensor rotate_bfloat16(const torch::Tensor& x, const torch::Tensor& cos, const torch::Tensor& sin);

}  // namespace t6
