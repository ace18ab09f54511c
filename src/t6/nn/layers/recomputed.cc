#include "t6/nn/layers/recomputed.h"

#include <utility>

namespace t6 {
namespace {

struct HeldComputation : torch::CustomClassHolder {
  explicit HeldComputation(Computation part) : call(std::move(part)) {}
  Computation call;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const Computation& part) {
    context->save_for_backward({x});
    context->saved_data["part"] = c10::IValue::make_capsule(c10::make_intrusive<HeldComputation>(part));
    return part(x);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    const auto held = context->saved_data["part"].toCapsule();
    const torch::Tensor x = context->get_saved_variables()[0].detach().requires_grad_();
    {
      const torch::AutoGradMode record(true);
      const torch::Tensor y = static_cast<HeldComputation&>(*held).call(x);
      torch::autograd::backward({y}, {gradients[0]});
    }
    return {x.grad(), {}};
  }
};

}  // namespace

torch::Tensor recomputed(const Computation& part, const torch::Tensor& x) {
  return torch::GradMode::is_enabled() && x.requires_grad() ? Recomputed::apply(x, part) : part(x);
}

}  // namespace t6
