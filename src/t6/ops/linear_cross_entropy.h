// The output head and its cross entropy in one, a block of rows at a time.
#pragma once

#include <torch/torch.h>

namespace t6 {

// Mean of -log softmax(x W^T)[target] in nats over the targets that are not -1.
// x [N, C] of the type of weight, [V, C], or bfloat16 with a weight of float32; targets [N] int64. Logits exist for one
// block of rows at a time, and the gradients are made while they do, so that memory is a block's instead of several
// times N x V; none are made where none are wanted. The operator torch.ops.t6.linear_cross_entropy; the loss has
// weight's type. Gradients of the first order. Errors on the CPU: no target at all, one that is no class; elsewhere the
// first gives NaN and the second is an error of the device's.
torch::Tensor linear_cross_entropy(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& targets);

}  // namespace t6
