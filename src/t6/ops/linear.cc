#include "t6/ops/linear.h"

#include "t6/core/error.h"
#include "t6/ops/arguments/autocast.h"
#include "t6/ops/arguments/operator.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/composite/devices.h"
#include "t6/ops/product.h"

namespace t6 {
namespace {

using OptionalType = std::optional<torch::ScalarType>;

void check(const torch::Tensor& x, const torch::Tensor& weight) {
  require(x.is_floating_point(), "t6::linear: x must be of a floating type, not {}", toString(x.scalar_type()));
  require(go_together(x.scalar_type(), weight.scalar_type()), "t6::linear: weight must be {} as x is, not {}",
          toString(x.scalar_type()), toString(weight.scalar_type()));
  require(x.dim() >= 1, "t6::linear: x must be [..., K], not a single number");
  require(weight.dim() == 2 && weight.sym_size(1) == x.sym_size(-1),
          "t6::linear: weight must be [N, K] to go with x [..., K], not {} with {}", shape_of(weight), shape_of(x));
}

torch::Tensor rows_of(const torch::Tensor& x) { return x.reshape_symint({-1, x.sym_size(-1)}); }

// The functions below have the operators' signatures. Each is all implementations, on every device and of shapes alone:
// the product's own is the one that differs.
torch::Tensor linear_forward(const torch::Tensor& x, const torch::Tensor& weight, OptionalType dtype) {
  check(x, weight);
  c10::SymDimVector sizes(x.sym_sizes().begin(), x.sym_sizes().end());
  sizes.back() = weight.sym_size(0);
  return product(rows_of(x), weight, {.transpose_b = true}, dtype).view_symint(sizes);
}

torch::Tensor input_gradient(const torch::Tensor& gradient, const torch::Tensor& weight, torch::ScalarType dtype) {
  c10::SymDimVector sizes(gradient.sym_sizes().begin(), gradient.sym_sizes().end());
  sizes.back() = weight.sym_size(1);
  return product(rows_of(gradient), weight, {}, dtype).view_symint(sizes);
}

torch::Tensor weight_gradient(const torch::Tensor& gradient, const torch::Tensor& x, torch::ScalarType dtype) {
  return product(rows_of(gradient), rows_of(x), {.transpose_a = true}, dtype);
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, OptionalType dtype) {
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, weight});
    return t6::linear(x, weight, dtype);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    static const auto of_input = find_operator<decltype(input_gradient)>("t6::linear_input_gradient");
    static const auto of_weight = find_operator<decltype(weight_gradient)>("t6::linear_weight_gradient");
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &weight = saved[1];
    torch::Tensor d_x, d_weight;
    if (context->needs_input_grad(0)) d_x = of_input.call(gradients[0], weight, x.scalar_type());
    if (context->needs_input_grad(1)) d_weight = of_weight.call(gradients[0], x, weight.scalar_type());
    return {d_x, d_weight, {}};
  }
};

torch::Tensor linear_autograd(const torch::Tensor& x, const torch::Tensor& weight, OptionalType dtype) {
  return LinearFunction::apply(x, weight, dtype);
}

// The weight is rounded where it is multiplied, and its gradient stays float32.
torch::Tensor linear_autocast(const torch::Tensor& x, const torch::Tensor& weight, OptionalType dtype) {
  const Autocast autocast("t6::linear");
  return t6::linear(autocast.narrow(x), weight, dtype);
}

void implement_linear(torch::Library& library) {
  library.impl("linear", &linear_forward);
  library.impl("linear_input_gradient", &input_gradient);
  library.impl("linear_weight_gradient", &weight_gradient);
}

}  // namespace

torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, OptionalType type) {
  static const auto op = find_operator<decltype(linear_forward)>("t6::linear");
  return op.call(x, weight, type);
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def("linear(Tensor x, Tensor weight, ScalarType? dtype=None) -> Tensor");
  library.def("linear_input_gradient(Tensor gradient, Tensor weight, ScalarType dtype) -> Tensor");
  library.def("linear_weight_gradient(Tensor gradient, Tensor x, ScalarType dtype) -> Tensor");
  implement_elsewhere(library, "linear", &linear_forward);
  implement_elsewhere(library, "linear_input_gradient", &input_gradient);
  implement_elsewhere(library, "linear_weight_gradient", &weight_gradient);
}
TORCH_LIBRARY_IMPL(t6, CPU, library) { implement_linear(library); }
TORCH_LIBRARY_IMPL(t6, Meta, library) { implement_linear(library); }
TORCH_LIBRARY_IMPL(t6, AutocastCPU, library) { library.impl("linear", &linear_autocast); }
TORCH_LIBRARY_IMPL(t6, Autograd, library) {
  library.impl("linear", &linear_autograd);
  library.impl("linear_input_gradient", torch::autograd::autogradNotImplementedFallback());
  library.impl("linear_weight_gradient", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace t6
