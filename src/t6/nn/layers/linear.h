// A linear layer, without bias unless one is asked for, as a module so that its weight gets Hugging Face's name.
#pragma once

#include <torch/torch.h>

#include "t6/ops/linear.h"

namespace t6 {

class LinearImpl : public torch::nn::Module {
 public:
  LinearImpl(int64_t inputs, int64_t outputs, bool with_bias = false)
      : weight(register_parameter("weight", torch::empty({outputs, inputs}))) {
    if (with_bias) bias = register_parameter("bias", torch::empty({outputs}));
  }
  // [..., inputs] -> [..., outputs]
  torch::Tensor forward(const torch::Tensor& x) {
    const torch::Tensor y = t6::linear(x, weight);
    return bias.defined() ? y + bias : y;
  }

  torch::Tensor weight, bias;  // [outputs, inputs], [outputs] or undefined
};
TORCH_MODULE(Linear);

}  // namespace t6
