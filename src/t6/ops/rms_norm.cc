#include "t6/ops/rms_norm.h"

#include <optional>

#include "t6/core/error.h"
#include "t6/kernels/bfloat_pointwise.h"
#include "t6/ops/arguments/bfloats.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using torch::Tensor;

void check(const Tensor& x, const std::optional<Tensor>& weight) {
  require(x.dim() >= 1 && (x.scalar_type() == torch::kFloat || x.scalar_type() == torch::kBFloat16),
          "rms_norm_to_bfloat16: x must be Float or BFloat16 [..., C], not {} {}", toString(x.scalar_type()),
          shape_of(x));
  require(!weight || (weight->scalar_type() == torch::kFloat && weight->dim() == 1 && weight->size(0) == x.size(-1)),
          "rms_norm_to_bfloat16: weight must be Float [{}], as x has features, not {}", x.size(-1),
          weight ? shape_of(*weight) : "");
}

const float* floats_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

struct BfloatNorm : torch::autograd::Function<BfloatNorm> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& given,
                        const std::optional<Tensor>& given_weight, double epsilon) {
    const Tensor x = given.contiguous(), weight = given_weight ? given_weight->contiguous() : Tensor();
    const bool wide = x.scalar_type() == torch::kFloat;
    const Tensor normed = torch::empty_like(x, torch::kBFloat16);
    const Tensor out = weight.defined() ? torch::empty_like(normed) : Tensor();
    const int64_t width = x.size(-1), rows = width > 0 ? x.numel() / width : 0;
    const Tensor factors = torch::empty({rows}, torch::kFloat);
    bfloat_rms_norm(torch_context(), {.x = wide ? x.const_data_ptr<float>() : nullptr,
                                      .bfloats = wide ? nullptr : bfloats(x),
                                      .weight = floats_or_null(weight),
                                      .normed = mutable_bfloats(normed),
                                      .out = mutable_bfloats(out),
                                      .factors = factors.mutable_data_ptr<float>(),
                                      .rows = rows,
                                      .width = width,
                                      .epsilon = static_cast<float>(epsilon)});
    context->saved_data["wide"] = wide;
    context->save_for_backward({normed, factors, weight});
    return out.defined() ? out : normed;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &normed = saved[0], &factors = saved[1], &weight = saved[2], given = gradients[0].contiguous();
    const bool wide = context->saved_data["wide"].toBool();
    const Tensor x_gradient = torch::empty_like(normed, wide ? torch::kFloat : torch::kBFloat16);
    bfloat_rms_norm_backward(torch_context(), {.normed = bfloats(normed),
                                               .factors = factors.const_data_ptr<float>(),
                                               .weight = floats_or_null(weight),
                                               .d_out = bfloats(given),
                                               .d_x = wide ? x_gradient.mutable_data_ptr<float>() : nullptr,
                                               .d_bfloats = wide ? nullptr : mutable_bfloats(x_gradient),
                                               .rows = factors.size(0),
                                               .width = normed.size(-1)});
    Tensor weight_gradient;
    if (weight.defined()) {
      weight_gradient = (given.to(torch::kFloat) * normed).view({-1, normed.size(-1)}).sum(0);
    }
    return {x_gradient, weight_gradient, {}};
  }
};

}  // namespace

Tensor rms_norm_to_bfloat16(const Tensor& x, const Tensor& weight, double epsilon) {
  const std::optional<Tensor> scale = weight.defined() ? std::optional(weight) : std::nullopt;
  check(x, scale);
  return BfloatNorm::apply(x, scale, epsilon);
}

}  // namespace t6
