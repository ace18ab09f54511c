// Results of operators that only the backward pass of our kernels reads.
#pragma once

#include <torch/torch.h>

#include <limits>

namespace t6 {

// NaN of these sizes, which takes no memory and no time: where nothing reads it, nothing is computed.
inline torch::Tensor unread(c10::SymIntArrayRef sizes, const torch::TensorOptions& options) {
  return torch::full({}, std::numeric_limits<double>::quiet_NaN(), options).expand_symint(sizes);
}

}  // namespace t6
