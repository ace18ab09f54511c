// Tensors of bfloat16 as the kernels take them.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace t6 {

// Contiguous bfloat16 numbers; null for an undefined tensor.
inline const uint16_t* bfloats(const torch::Tensor& tensor) {
  return tensor.defined() ? reinterpret_cast<const uint16_t*>(tensor.const_data_ptr<at::BFloat16>()) : nullptr;
}
inline uint16_t* mutable_bfloats(const torch::Tensor& tensor) {
  return tensor.defined() ? reinterpret_cast<uint16_t*>(tensor.mutable_data_ptr<at::BFloat16>()) : nullptr;
}

}  // namespace t6
