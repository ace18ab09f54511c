// Rotary position embedding (section 3.2), pairs (i, i + d/2), Hugging Face's direction: y1 = x1 cos - x2 sin.
#pragma once

#include <torch/torch.h>

#include <utility>

#include "t6/kernels/rotary.h"

namespace t6 {

// Rotates the first `rotary_dim` of the last dimension's features by their token's position; a rotary_dim of 0 rotates
// nothing. Tables are kept for the longest sequence seen.
class Rotary {
 public:
  explicit Rotary(RotaryTable table) : table_(std::move(table)) {}

  // x [B, T, R, D] (or [R, D], the same factor at each of `length` positions, giving [1, T, R, D]).
  // bfloat16, of [B, T, R, D] alone, is rotated in float32.
  torch::Tensor rotate(const torch::Tensor& x, int64_t length);

 private:
  void extend(int64_t length, torch::Device device);

  RotaryTable table_;        // the serving wing's own, so that both turn by the same numbers
  torch::Tensor cos_, sin_;  // [T, 1, rotary_dim / 2], where x is
};

}  // namespace t6
