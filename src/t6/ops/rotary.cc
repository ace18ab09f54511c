#include "t6/ops/rotary.h"

#include "t6/core/error.h"
#include "t6/kernels/bfloat_pointwise.h"
#include "t6/ops/arguments/autocast.h"
#include "t6/ops/arguments/bfloats.h"
#include "t6/ops/arguments/operator.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/composite/composites.h"
#include "t6/ops/composite/devices.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using torch::Tensor;

void check(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  const auto is_table = [](const Tensor& table) { return table.dim() == 3 && table.scalar_type() == torch::kFloat; };
  require(
      x.dim() == 4 && x.scalar_type() == torch::kBFloat16 && is_table(cos) && is_table(sin) &&
          sin.sym_sizes() == cos.sym_sizes() && cos.sym_size(0) >= x.sym_size(1) && cos.sym_size(1) == 1 &&
          x.sym_size(3) >= 2 * cos.sym_size(2),
      "t6::rotate_bfloat16: x must be BFloat16 [B, T, R, D] and cos and sin Float [T, 1, at most D / 2], not {} {}, "
      "{} {} and {} {}",
      toString(x.scalar_type()), shape_of(x), toString(cos.scalar_type()), shape_of(cos), toString(sin.scalar_type()),
      shape_of(sin));
}

// The functions below have the operator's signature.

Tensor rotate_cpu(const Tensor& given, const Tensor& given_cos, const Tensor& given_sin, bool inverse) {
  check(given, given_cos, given_sin);
  const Tensor x = given.contiguous(), cos = given_cos.contiguous(), sin = given_sin.contiguous();
  const Tensor out = torch::empty_like(x);
  bfloat_rotate(torch_context(), {.x = bfloats(x),
                                  .out = mutable_bfloats(out),
                                  .cos = cos.const_data_ptr<float>(),
                                  .sin = sin.const_data_ptr<float>(),
                                  .tokens = x.size(0) * x.size(1),
                                  .length = x.size(1),
                                  .ranks = x.size(2),
                                  .width = x.size(3),
                                  .half = cos.size(2),
                                  .inverse = inverse});
  return out;
}

Tensor rotate_meta(const Tensor& x, const Tensor& cos, const Tensor& sin, bool) {
  check(x, cos, sin);
  return torch::empty_symint(x.sym_sizes(), x.options());
}

Tensor call_rotate(const Tensor& x, const Tensor& cos, const Tensor& sin, bool inverse) {
  static const auto op = find_operator<decltype(rotate_cpu)>("t6::rotate_bfloat16");
  return op.call(x, cos, sin, inverse);
}

struct BfloatRotate : torch::autograd::Function<BfloatRotate> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& cos,
                        const Tensor& sin, bool inverse) {
    const at::AutoDispatchBelowADInplaceOrView below;
    require(!cos.requires_grad() && !sin.requires_grad(), "t6::rotate_bfloat16: cos and sin are constants");
    context->saved_data["inverse"] = inverse;
    context->save_for_backward({cos, sin});
    return call_rotate(x, cos, sin, inverse);
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    return {call_rotate(gradients[0], saved[0], saved[1], !context->saved_data["inverse"].toBool()), {}, {}, {}};
  }
};

Tensor rotate_autograd(const Tensor& x, const Tensor& cos, const Tensor& sin, bool inverse) {
  return BfloatRotate::apply(x, cos, sin, inverse);
}

Tensor rotate_autocast(const Tensor& x, const Tensor& cos, const Tensor& sin, bool inverse) {
  const Autocast autocast("t6::rotate_bfloat16");
  return call_rotate(autocast.narrow(x), cos, sin, inverse);
}

}  // namespace

namespace composite {

Tensor rotate_bfloat16(const Tensor& x, const Tensor& cos, const Tensor& sin, bool inverse) {
  check(x, cos, sin);
  const int64_t half = cos.size(2), length = x.size(1);
  const Tensor c = cos.narrow(0, 0, length), turned = sin.narrow(0, 0, length), s = inverse ? -turned : turned;
  const Tensor wide = x.to(torch::kFloat), rest = wide.narrow(-1, 2 * half, x.size(-1) - 2 * half);
  const Tensor first = wide.narrow(-1, 0, half), second = wide.narrow(-1, half, half);
  return torch::cat({first * c - second * s, second * c + first * s, rest}, -1).to(torch::kBFloat16);
}

}  // namespace composite

Tensor rotate_bfloat16(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  return call_rotate(x, cos, sin, false);
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def("rotate_bfloat16(Tensor x, Tensor cos, Tensor sin, bool inverse=False) -> Tensor");
  implement_elsewhere(library, "rotate_bfloat16", &composite::rotate_bfloat16);
}
TORCH_LIBRARY_IMPL(t6, CPU, library) { library.impl("rotate_bfloat16", &rotate_cpu); }
TORCH_LIBRARY_IMPL(t6, Meta, library) { library.impl("rotate_bfloat16", &rotate_meta); }
TORCH_LIBRARY_IMPL(t6, AutocastCPU, library) { library.impl("rotate_bfloat16", &rotate_autocast); }
TORCH_LIBRARY_IMPL(t6, Autograd, library) { library.impl("rotate_bfloat16", &rotate_autograd); }

}  // namespace t6
