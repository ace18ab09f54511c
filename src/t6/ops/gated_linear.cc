#include "t6/ops/gated_linear.h"

#include <tuple>

#include "t6/core/error.h"
#include "t6/kernels/bfloat_pointwise.h"
#include "t6/ops/arguments/autocast.h"
#include "t6/ops/arguments/bfloats.h"
#include "t6/ops/arguments/operator.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/composite/composites.h"
#include "t6/ops/composite/devices.h"
#include "t6/ops/product.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using torch::Tensor;
using GatedLinearGradients = std::tuple<Tensor, Tensor, Tensor>;  // of gate, up and weight

void check(const Tensor& gate, const Tensor& up, const Tensor& weight) {
  require(gate.scalar_type() == torch::kBFloat16 && up.scalar_type() == torch::kBFloat16 &&
              weight.scalar_type() == torch::kFloat && up.sym_sizes() == gate.sym_sizes() && weight.dim() == 2 &&
              gate.dim() >= 1 && weight.sym_size(1) == gate.sym_size(-1),
          "t6::gated_linear: gate and up must be BFloat16 [..., K] and weight Float [N, K], not {} {}, {} {} and {} {}",
          toString(gate.scalar_type()), shape_of(gate), toString(up.scalar_type()), shape_of(up),
          toString(weight.scalar_type()), shape_of(weight));
}

c10::SymDimVector result_sizes(const Tensor& gate, const Tensor& weight) {
  c10::SymDimVector sizes(gate.sym_sizes().begin(), gate.sym_sizes().end());
  sizes.back() = weight.sym_size(0);
  return sizes;
}

void check_backward(const Tensor& gradient, const Tensor& gate, const Tensor& up, const Tensor& weight) {
  check(gate, up, weight);
  require(
      gradient.scalar_type() == torch::kFloat &&
          gradient.sym_sizes() == c10::SymIntArrayRef(result_sizes(gate, weight)),
      "t6::gated_linear_backward: gradient must be Float of the result's shape, not {} {} with gate {} and weight {}",
      toString(gradient.scalar_type()), shape_of(gradient), shape_of(gate), shape_of(weight));
}

BfloatGate gate_of(const Tensor& gate, const Tensor& up, bool gelu) {
  return {.gate = bfloats(gate), .up = bfloats(up), .count = gate.numel(), .gelu = gelu};
}

// act(gate) * up as a matrix of rows.
Tensor gated(const Tensor& gate, const Tensor& up, bool gelu) {
  const Tensor out = torch::empty_like(gate);
  bfloat_gate(torch_context(), gate_of(gate, up, gelu), mutable_bfloats(out));
  return out.view({-1, out.size(-1)});
}

// The functions below have the operators' signatures.

Tensor gated_linear_cpu(const Tensor& given_gate, const Tensor& given_up, const Tensor& weight, bool gelu) {
  check(given_gate, given_up, weight);
  const Tensor gate = given_gate.contiguous(), up = given_up.contiguous();
  return product(gated(gate, up, gelu), weight, {.transpose_b = true}, torch::kFloat)
      .view_symint(result_sizes(gate, weight));
}

Tensor gated_linear_meta(const Tensor& gate, const Tensor& up, const Tensor& weight, bool) {
  check(gate, up, weight);
  return torch::empty_symint(result_sizes(gate, weight), weight.options());
}

GatedLinearGradients gated_linear_backward_cpu(const Tensor& gradient, const Tensor& given_gate, const Tensor& given_up,
                                               const Tensor& weight, bool gelu) {
  check_backward(gradient, given_gate, given_up, weight);
  const Tensor gate = given_gate.contiguous(), up = given_up.contiguous();
  const Tensor given = gradient.reshape({-1, weight.size(0)});
  const Tensor d_weight = product(given, gated(gate, up, gelu), {.transpose_a = true}, torch::kFloat);
  const Tensor d_gate = product(given, weight, {}, torch::kBFloat16).view(gate.sizes());
  const Tensor d_up = torch::empty_like(up);
  bfloat_gate_backward(torch_context(), gate_of(gate, up, gelu), bfloats(d_gate), mutable_bfloats(d_gate),
                       mutable_bfloats(d_up));
  return {d_gate, d_up, d_weight};
}

GatedLinearGradients gated_linear_backward_meta(const Tensor& gradient, const Tensor& gate, const Tensor& up,
                                                const Tensor& weight, bool) {
  check_backward(gradient, gate, up, weight);
  const auto like = [](const Tensor& tensor) { return torch::empty_symint(tensor.sym_sizes(), tensor.options()); };
  return {like(gate), like(up), like(weight)};
}

Tensor call_gated_linear(const Tensor& gate, const Tensor& up, const Tensor& weight, bool gelu) {
  static const auto op = find_operator<decltype(gated_linear_cpu)>("t6::gated_linear");
  return op.call(gate, up, weight, gelu);
}

struct GatedLinear : torch::autograd::Function<GatedLinear> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& gate, const Tensor& up,
                        const Tensor& weight, bool gelu) {
    const at::AutoDispatchBelowADInplaceOrView below;
    context->saved_data["gelu"] = gelu;
    context->save_for_backward({gate, up, weight});
    return call_gated_linear(gate, up, weight, gelu);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    static const auto op = find_operator<decltype(gated_linear_backward_cpu)>("t6::gated_linear_backward");
    const auto saved = context->get_saved_variables();
    const auto [d_gate, d_up, d_weight] =
        op.call(gradients[0], saved[0], saved[1], saved[2], context->saved_data["gelu"].toBool());
    return {d_gate, d_up, d_weight, {}};
  }
};

Tensor gated_linear_autograd(const Tensor& gate, const Tensor& up, const Tensor& weight, bool gelu) {
  return GatedLinear::apply(gate, up, weight, gelu);
}

Tensor gated_linear_autocast(const Tensor& gate, const Tensor& up, const Tensor& weight, bool gelu) {
  const Autocast autocast("t6::gated_linear");
  return call_gated_linear(autocast.narrow(gate), autocast.narrow(up), weight, gelu);
}

Tensor activated(const Tensor& gate, bool gelu) { return gelu ? torch::gelu(gate, "tanh") : torch::silu(gate); }

}  // namespace

namespace composite {

Tensor gated_linear(const Tensor& gate, const Tensor& up, const Tensor& weight, bool gelu) {
  check(gate, up, weight);
  const Tensor rows = activated(gate, gelu).mul_(up).reshape({-1, weight.size(1)});
  return t6::product(rows, weight, {.transpose_b = true}, torch::kFloat).view_symint(result_sizes(gate, weight));
}

GatedLinearGradients gated_linear_backward(const Tensor& gradient, const Tensor& gate, const Tensor& up,
                                           const Tensor& weight, bool gelu) {
  check_backward(gradient, gate, up, weight);
  const Tensor given = gradient.reshape({-1, weight.size(0)}), act = activated(gate, gelu);
  const Tensor d_weight = t6::product(given, (act * up).reshape({-1, weight.size(1)}), {.transpose_a = true});
  const Tensor d_rows = t6::product(given, weight, {}, torch::kBFloat16).view(gate.sizes()), d_act = d_rows * up;
  return {gelu ? torch::gelu_backward(d_act, gate, "tanh") : torch::silu_backward(d_act, gate), d_rows * act, d_weight};
}

}  // namespace composite

Tensor gated_linear(const Tensor& gate, const Tensor& up, const Tensor& weight, bool gelu) {
  return call_gated_linear(gate, up, weight, gelu);
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def("gated_linear(Tensor gate, Tensor up, Tensor weight, bool gelu=False) -> Tensor");
  library.def(
      "gated_linear_backward(Tensor gradient, Tensor gate, Tensor up, Tensor weight, bool gelu=False) -> "
      "(Tensor d_gate, Tensor d_up, Tensor d_weight)");
  implement_elsewhere(library, "gated_linear", &composite::gated_linear);
  implement_elsewhere(library, "gated_linear_backward", &composite::gated_linear_backward);
}
TORCH_LIBRARY_IMPL(t6, CPU, library) {
  library.impl("gated_linear", &gated_linear_cpu);
  library.impl("gated_linear_backward", &gated_linear_backward_cpu);
}
TORCH_LIBRARY_IMPL(t6, Meta, library) {
  library.impl("gated_linear", &gated_linear_meta);
  library.impl("gated_linear_backward", &gated_linear_backward_meta);
}
TORCH_LIBRARY_IMPL(t6, AutocastCPU, library) { library.impl("gated_linear", &gated_linear_autocast); }
TORCH_LIBRARY_IMPL(t6, Autograd, library) {
  library.impl("gated_linear", &gated_linear_autograd);
  library.impl("gated_linear_backward", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace t6
