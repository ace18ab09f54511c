#include "t6/ops/rotary.h"

#include "t6/core/error.h"
#include "t6/kernels/bfloat_pointwise.h"
#include "t6/ops/arguments/bfloats.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using torch::Tensor;

Tensor rotated(const Tensor& given, const Tensor& cos, const Tensor& sin, bool inverse) {
  const Tensor x = given.contiguous(), out = torch::empty_like(x);
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

struct BfloatRotate : torch::autograd::Function<BfloatRotate> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& cos,
                        const Tensor& sin) {
    context->save_for_backward({cos, sin});
    return rotated(x, cos, sin, false);
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    return {rotated(gradients[0], saved[0], saved[1], true), {}, {}};
  }
};

}  // namespace

Tensor rotate_bfloat16(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  require(
      x.dim() == 4 && x.scalar_type() == torch::kBFloat16 && cos.dim() == 3 && sin.sizes() == cos.sizes() &&
          cos.size(0) >= x.size(1) && x.size(3) >= 2 * cos.size(2),
      "rotate_bfloat16: x must be BFloat16 [B, T, R, D] and cos and sin [T, 1, at most D / 2], not {} {}, {} and {}",
      toString(x.scalar_type()), shape_of(x), shape_of(cos), shape_of(sin));
  return BfloatRotate::apply(x, cos, sin);
}

}  // namespace t6
