// The norm of gradients, and what clips by it, as numbers of a device that nobody waits for.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace t6 {

// The norm of all gradients, float32 on one device, as one vector: a scalar of float64 there, NaN or infinite when a
// number of them is.
inline torch::Tensor norm_on_device(const std::vector<torch::Tensor>& gradients) {
  if (gradients.empty()) return torch::zeros({}, torch::kDouble);
  return torch::stack(at::_foreach_norm(gradients, 2)).to(torch::kDouble).norm();
}

// What gradients of this norm are divided by so that their norm is at most `maximum`, a scalar of float32. 1e-6:
// torch.nn.utils.clip_grad_norm_ has it, and the reference clips by that.
inline torch::Tensor clip_divisor(const torch::Tensor& norm, double maximum) {
  return ((norm + 1e-6) / maximum).clamp_min(1).to(torch::kFloat);
}

}  // namespace t6
