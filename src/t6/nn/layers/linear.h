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
  // [..., inputs] -> [..., outputs], of x's type unless `type` is given (ops/linear.h).
  torch::Tensor forward(const torch::Tensor& x, std::optional<torch::ScalarType> type = {}) {
    const torch::Tensor y = t6::linear(x, weight, type);
    return bias.defined() ? (y + bias).to(y.scalar_type()) : y;
  }
  // What is added to the residual stream, which is float32 beside bfloat16, too.
  torch::Tensor forward_residual(const torch::Tensor& x) {
    return forward(x, x.scalar_type() == torch::kBFloat16 ? std::optional(torch::kFloat) : std::nullopt);
  }

  torch::Tensor weight, bias;  // [outputs, inputs], [outputs] or undefined
};
TORCH_MODULE(Linear);

}  // namespace t6
