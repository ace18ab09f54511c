// The arguments of the output head's loss, checked.
#pragma once

#include <torch/torch.h>

#include "t6/core/error.h"
#include "t6/ops/arguments/shapes.h"

namespace t6 {

// Whether products of x and the weight are of bfloat16 numbers, beside float32 ones.
inline bool is_mixed(const torch::Tensor& x, const torch::Tensor& weight) {
  return x.scalar_type() == torch::kBFloat16 && weight.scalar_type() == torch::kFloat;
}

// Error: the argument of t6::linear_cross_entropy, what it is and what it must be.
inline void check_loss(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& targets) {
  require(x.dim() == 2 && x.is_floating_point(),
          "t6::linear_cross_entropy: x must be [N, C] of a floating type, not {} {}", toString(x.scalar_type()),
          shape_of(x));
  require(weight.scalar_type() == x.scalar_type() || is_mixed(x, weight),
          "t6::linear_cross_entropy: weight must be {} as x is, or Float with BFloat16, not {}",
          toString(x.scalar_type()), toString(weight.scalar_type()));
  require(weight.dim() == 2 && weight.sym_size(1) == x.sym_size(1),
          "t6::linear_cross_entropy: weight must be [V, C] to go with x [N, C], not {} with {}", shape_of(weight),
          shape_of(x));
  require(targets.scalar_type() == torch::kLong && targets.dim() == 1 && targets.sym_size(0) == x.sym_size(0),
          "t6::linear_cross_entropy: targets must be Long, one a row of x {}, not {} {}", shape_of(x),
          toString(targets.scalar_type()), shape_of(targets));
}

}  // namespace t6
