#include "t6/ops/gated_linear.h"

#include "t6/core/error.h"
#include "t6/kernels/bfloat_pointwise.h"
#include "t6/ops/arguments/bfloats.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/product.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using torch::Tensor;

BfloatGate gate_of(const Tensor& gate, const Tensor& up, bool gelu) {
  return {.gate = bfloats(gate), .up = bfloats(up), .count = gate.numel(), .gelu = gelu};
}

// act(gate) * up as a matrix of rows.
Tensor gated(const Tensor& gate, const Tensor& up, bool gelu) {
  const Tensor out = torch::empty_like(gate);
  bfloat_gate(torch_context(), gate_of(gate, up, gelu), mutable_bfloats(out));
  return out.view({-1, out.size(-1)});
}

struct GatedLinear : torch::autograd::Function<GatedLinear> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& given_gate, const Tensor& given_up,
                        const Tensor& weight, bool gelu) {
    const Tensor gate = given_gate.contiguous(), up = given_up.contiguous();
    context->saved_data["gelu"] = gelu;
    context->save_for_backward({gate, up, weight});
    std::vector<int64_t> sizes = gate.sizes().vec();
    sizes.back() = weight.size(0);
    return product(gated(gate, up, gelu), weight, {.transpose_b = true}, torch::kFloat).view(sizes);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &gate = saved[0], &up = saved[1], &weight = saved[2];
    const bool gelu = context->saved_data["gelu"].toBool();
    const Tensor given = gradients[0].reshape({-1, weight.size(0)});
    const Tensor weight_gradient = product(given, gated(gate, up, gelu), {.transpose_a = true}, torch::kFloat);
    const Tensor gate_gradient = product(given, weight, {}, torch::kBFloat16).view(gate.sizes());
    const Tensor up_gradient = torch::empty_like(up);
    bfloat_gate_backward(torch_context(), gate_of(gate, up, gelu), bfloats(gate_gradient),
                         mutable_bfloats(gate_gradient), mutable_bfloats(up_gradient));
    return {gate_gradient, up_gradient, weight_gradient, {}};
  }
};

}  // namespace

Tensor gated_linear(const Tensor& gate, const Tensor& up, const Tensor& weight, bool gelu) {
  require(gate.scalar_type() == torch::kBFloat16 && up.scalar_type() == torch::kBFloat16 &&
              weight.scalar_type() == torch::kFloat && up.sizes() == gate.sizes() && weight.dim() == 2 &&
              gate.dim() >= 1 && weight.size(1) == gate.size(-1),
          "gated_linear: gate and up must be BFloat16 [..., K] and weight Float [N, K], not {} {}, {} {} and {} {}",
          toString(gate.scalar_type()), shape_of(gate), toString(up.scalar_type()), shape_of(up),
          toString(weight.scalar_type()), shape_of(weight));
  return GatedLinear::apply(gate, up, weight, gelu);
}

}  // namespace t6
