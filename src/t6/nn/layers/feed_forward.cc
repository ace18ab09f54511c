#include "t6/nn/layers/feed_forward.h"

#include "t6/ops/gated_linear.h"

namespace t6 {
namespace {

// silu(gate) * up that keeps its two inputs alone: autograd's own product keeps silu(gate) too, a third more memory.
struct SwiGlu : torch::autograd::Function<SwiGlu> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& gate,
                               const torch::Tensor& up) {
    context->save_for_backward({gate, up});
    return torch::silu(gate).mul_(up);
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor up_gradient = torch::silu(saved[0]).mul_(gradients[0]);
    const torch::Tensor gate_gradient = torch::silu_backward(gradients[0] * saved[1], saved[0]);
    return {gate_gradient, up_gradient};
  }
};

// gelu(gate) * up, in GELU's form with a tanh, in the same way.
struct GeGlu : torch::autograd::Function<GeGlu> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& gate,
                               const torch::Tensor& up) {
    context->save_for_backward({gate, up});
    return torch::gelu(gate, "tanh").mul_(up);
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor up_gradient = torch::gelu(saved[0], "tanh").mul_(gradients[0]);
    const torch::Tensor gate_gradient = torch::gelu_backward(gradients[0] * saved[1], saved[0], "tanh");
    return {gate_gradient, up_gradient};
  }
};

}  // namespace

FeedForwardImpl::FeedForwardImpl(int64_t width, int64_t hidden, GateActivation activation)
    : activation_(activation),
      gate_proj_(register_module("gate_proj", Linear(width, hidden))),
      up_proj_(register_module("up_proj", Linear(width, hidden))),
      down_proj_(register_module("down_proj", Linear(hidden, width))) {}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x) {
  const torch::Tensor gate = gate_proj_->forward(x), up = up_proj_->forward(x);
  if (x.scalar_type() == torch::kBFloat16) {
    return gated_linear(gate, up, down_proj_->weight, activation_ == GateActivation::gelu_tanh);
  }
  switch (activation_) {
    case GateActivation::silu:
      return down_proj_->forward(SwiGlu::apply(gate, up));
    case GateActivation::gelu_tanh:
      return down_proj_->forward(GeGlu::apply(gate, up));
  }
  return {};
}

}  // namespace t6
