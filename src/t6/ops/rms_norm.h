// RMSNorm that gives bfloat16 and keeps nothing else for the backward pass.
#pragma once

#include <torch/torch.h>

namespace t6 {

// x / sqrt(mean(x^2) + epsilon) * weight over the last dimension, computed in float32. x [..., C] float32 or bfloat16,
// weight [C] float32 or undefined; the result is bfloat16. What is kept for the gradients is x / sqrt(...) in bfloat16,
// which is the result itself where there is no weight, and a number a row: x is not. Gradients of the first order.
torch::Tensor rms_norm_to_bfloat16(const torch::Tensor& x, const torch::Tensor& weight, double epsilon);

}  // namespace t6
