#include "t6/ops/linear.h"

#include <torch/library.h>

#include "t6/core/error.h"
#include "t6/ops/arguments/shapes.h"
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

// Both implementations: the product's own is the one that differs.
torch::Tensor linear_forward(const torch::Tensor& x, const torch::Tensor& weight, OptionalType dtype) {
  check(x, weight);
  c10::SymDimVector sizes(x.sym_sizes().begin(), x.sym_sizes().end());
  sizes.back() = weight.sym_size(0);
  return product(rows_of(x), weight, {.transpose_b = true}, dtype).view_symint(sizes);
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
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &weight = saved[1], gradient = rows_of(gradients[0]);
    torch::Tensor x_gradient, weight_gradient;
    if (context->needs_input_grad(0)) {
      x_gradient = product(gradient, weight, {}, x.scalar_type()).view_symint(x.sym_sizes());
    }
    if (context->needs_input_grad(1)) {
      weight_gradient = product(gradient, rows_of(x), {.transpose_a = true}, weight.scalar_type());
    }
    return {x_gradient, weight_gradient, {}};
  }
};

torch::Tensor linear_autograd(const torch::Tensor& x, const torch::Tensor& weight, OptionalType dtype) {
  return LinearFunction::apply(x, weight, dtype);
}

}  // namespace

torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, OptionalType type) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("t6::linear", "").typed<decltype(linear_forward)>();
  return op.call(x, weight, type);
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def("linear(Tensor x, Tensor weight, ScalarType? dtype=None) -> Tensor");
}
TORCH_LIBRARY_IMPL(t6, CPU, library) { library.impl("linear", &linear_forward); }
TORCH_LIBRARY_IMPL(t6, Meta, library) { library.impl("linear", &linear_forward); }
TORCH_LIBRARY_IMPL(t6, Autograd, library) { library.impl("linear", &linear_autograd); }

}  // namespace t6
