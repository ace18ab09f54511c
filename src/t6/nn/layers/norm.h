// RMSNorm with an optional weight. As modules, so that their weights get Hugging Face's names.
#pragma once

#include <torch/torch.h>

#include "t6/model/norm_epsilons.h"

namespace t6 {

class NormImpl : public torch::nn::Module {
 public:
  NormImpl(int64_t size, double epsilon, bool weighted) : size_(size), epsilon_(epsilon) {
    if (weighted) weight = register_parameter("weight", torch::ones({size}));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    return torch::rms_norm(x, {size_}, weight.defined() ? std::optional(weight) : std::nullopt, epsilon_);
  }

  torch::Tensor weight;  // [size], or undefined

 private:
  int64_t size_;
  double epsilon_;
};
TORCH_MODULE(Norm);

}  // namespace t6
