// RMSNorm with an optional weight. As modules, so that their weights get Hugging Face's names.
#pragma once

#include <torch/torch.h>

#include <optional>

#include "t6/model/norm_epsilons.h"
#include "t6/ops/rms_norm.h"

namespace t6 {

class NormImpl : public torch::nn::Module {
 public:
  NormImpl(int64_t size, double epsilon, bool weighted) : size_(size), epsilon_(epsilon) {
    if (weighted) weight = register_parameter("weight", torch::ones({size}));
  }
  // Of x's type unless `type` is given, which may be bfloat16 for x of float32.
  torch::Tensor forward(const torch::Tensor& x, std::optional<torch::ScalarType> type = {}) {
    if (type.value_or(x.scalar_type()) == torch::kBFloat16) return rms_norm_to_bfloat16(x, weight, epsilon_);
    return torch::rms_norm(x, {size_}, weight.defined() ? std::optional(weight) : std::nullopt, epsilon_);
  }

  torch::Tensor weight;  // [size], or undefined

 private:
  int64_t size_;
  double epsilon_;
};
TORCH_MODULE(Norm);

}  // namespace t6
