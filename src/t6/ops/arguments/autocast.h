// What torch.autocast("cpu", torch.bfloat16) does to the arguments of operators.
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include <optional>

#include "t6/core/error.h"

namespace t6 {

// While it lives autocast changes nothing more: what is called sees the types that it was given.
class Autocast {
 public:
  // Error: autocast to another type than bfloat16, which the kernels have not got.
  explicit Autocast(const char* op) : below_(c10::DispatchKey::AutocastCPU) {
    const torch::ScalarType type = at::autocast::get_autocast_dtype(at::kCPU);
    require(type == torch::kBFloat16, "{}: under autocast the type must be BFloat16, not {}", op, toString(type));
  }

  // The tensor in bfloat16, with gradients in its own type; what is not float32 or narrower stays as it is.
  torch::Tensor narrow(const torch::Tensor& tensor) const {
    return at::autocast::cached_cast(torch::kBFloat16, tensor, at::kCPU);
  }
  std::optional<torch::Tensor> narrow(const std::optional<torch::Tensor>& tensor) const {
    return tensor ? std::optional(narrow(*tensor)) : std::nullopt;
  }

 private:
  c10::impl::ExcludeDispatchKeyGuard below_;
};

}  // namespace t6
