// A linear layer without bias, as a module so that its weight gets Hugging Face's name.
#pragma once

#include <torch/torch.h>

#include "t6/ops/linear.h"

namespace t6 {

class LinearImpl : public torch::nn::Module {
 public:
  LinearImpl(int64_t inputs, int64_t outputs) : weight(register_parameter("weight", torch::empty({outputs, inputs}))) {}
  torch::Tensor forward(const torch::Tensor& x) { return t6::linear(x, weight); }  // [..., inputs] -> [..., outputs]

  torch::Tensor weight;  // [outputs, inputs]
};
TORCH_MODULE(Linear);

}  // namespace t6
