// The loss of a language model from logits in a tensor.
#pragma once

#include <torch/torch.h>

namespace t6 {

// The sum of -log softmax(logits)[target] in nats over the rows whose target is not -1. logits [N, V], of a floating
// type, contiguous, on the CPU, are written over: by the gradient of `scale` times that sum, or, when scale is 0, by
// anything. targets [N] int64.
double cross_entropy_(const torch::Tensor& logits, const torch::Tensor& targets, double scale);

// The same of float32 logits with a gradient of bfloat16, [N, V] with rows 2 V apart: it lies where the logits were.
struct NarrowGradient {
  double loss = 0;
  torch::Tensor gradient;
};
NarrowGradient cross_entropy_to_bfloat16(const torch::Tensor& logits, const torch::Tensor& targets, double scale);

}  // namespace t6
