#include "t6/ops/rms_norm.h"

#include <optional>
#include <tuple>

#include "t6/core/error.h"
#include "t6/kernels/bfloat_pointwise.h"
#include "t6/ops/arguments/bfloats.h"
#include "t6/ops/arguments/operator.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/composite/composites.h"
#include "t6/ops/composite/devices.h"
#include "t6/ops/composite/unread.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using torch::Tensor;
using OptionalTensor = std::optional<Tensor>;

void check(const Tensor& x, const OptionalTensor& weight) {
  require(x.dim() >= 1 && (x.scalar_type() == torch::kFloat || x.scalar_type() == torch::kBFloat16),
          "t6::rms_norm_to_bfloat16: x must be Float or BFloat16 [..., C], not {} {}", toString(x.scalar_type()),
          shape_of(x));
  require(!weight ||
              (weight->scalar_type() == torch::kFloat && weight->dim() == 1 && weight->sym_size(0) == x.sym_size(-1)),
          "t6::rms_norm_to_bfloat16: weight must be Float, a number for each of the last of x's {}, not {}",
          shape_of(x), weight ? shape_of(*weight) : "");
}

void check_backward(const Tensor& d_out, const Tensor& normed, const Tensor& factors, const OptionalTensor& weight,
                    torch::ScalarType dtype) {
  check(normed, weight);
  require(normed.scalar_type() == torch::kBFloat16 && d_out.scalar_type() == torch::kBFloat16 &&
              d_out.sym_sizes() == normed.sym_sizes(),
          "t6::rms_norm_to_bfloat16_backward: d_out and normed must be BFloat16 of one shape, not {} {} and {} {}",
          toString(d_out.scalar_type()), shape_of(d_out), toString(normed.scalar_type()), shape_of(normed));
  require(factors.scalar_type() == torch::kFloat && factors.dim() == 1 &&
              factors.sym_size(0) * normed.sym_size(-1) == normed.sym_numel(),
          "t6::rms_norm_to_bfloat16_backward: factors must be Float, one for each row of {}, not {} {}",
          shape_of(normed), toString(factors.scalar_type()), shape_of(factors));
  require(dtype == torch::kFloat || dtype == torch::kBFloat16,
          "t6::rms_norm_to_bfloat16_backward: dtype must be Float or BFloat16, not {}", toString(dtype));
}

const float* floats_or_null(const OptionalTensor& tensor) { return tensor ? tensor->const_data_ptr<float>() : nullptr; }

// The functions below have the operators' signatures.

// Of a norm without a weight `normed` is empty, of shape [0], since it would be `out` again.
using Normed = std::tuple<Tensor, Tensor, Tensor>;

Normed norm_cpu(const Tensor& given, const OptionalTensor& given_weight, double epsilon) {
  check(given, given_weight);
  const Tensor x = given.contiguous();
  const OptionalTensor weight = given_weight ? OptionalTensor(given_weight->contiguous()) : std::nullopt;
  const bool wide = x.scalar_type() == torch::kFloat;
  const auto options = x.options().dtype(torch::kBFloat16);
  const Tensor out = torch::empty(x.sizes(), options);
  const Tensor normed = weight ? torch::empty(x.sizes(), options) : torch::empty({0}, options);
  const int64_t width = x.size(-1), rows = width > 0 ? x.numel() / width : 0;
  const Tensor factors = torch::empty({rows}, torch::kFloat);
  bfloat_rms_norm(torch_context(), {.x = wide ? x.const_data_ptr<float>() : nullptr,
                                    .bfloats = wide ? nullptr : bfloats(x),
                                    .weight = floats_or_null(weight),
                                    .normed = mutable_bfloats(weight ? normed : out),
                                    .out = weight ? mutable_bfloats(out) : nullptr,
                                    .factors = factors.mutable_data_ptr<float>(),
                                    .rows = rows,
                                    .width = width,
                                    .epsilon = static_cast<float>(epsilon)});
  return {out, normed, factors};
}

Normed norm_meta(const Tensor& x, const OptionalTensor& weight, double) {
  check(x, weight);
  const auto options = x.options().dtype(torch::kBFloat16);
  const c10::SymInt rows = x.sym_size(-1) == 0 ? c10::SymInt(0) : x.sym_numel() / x.sym_size(-1);
  return {torch::empty_symint(x.sym_sizes(), options),
          weight ? torch::empty_symint(x.sym_sizes(), options) : torch::empty({0}, options),
          torch::empty_symint({rows}, options.dtype(torch::kFloat))};
}

std::tuple<Tensor, Tensor> norm_backward_cpu(const Tensor& d_out, const Tensor& given_normed,
                                             const Tensor& given_factors, const OptionalTensor& given_weight,
                                             torch::ScalarType dtype) {
  check_backward(d_out, given_normed, given_factors, given_weight, dtype);
  const Tensor normed = given_normed.contiguous(), factors = given_factors.contiguous(), given = d_out.contiguous();
  const OptionalTensor weight = given_weight ? OptionalTensor(given_weight->contiguous()) : std::nullopt;
  const bool wide = dtype == torch::kFloat;
  const Tensor d_x = torch::empty(normed.sizes(), normed.options().dtype(dtype));
  bfloat_rms_norm_backward(torch_context(), {.normed = bfloats(normed),
                                             .factors = factors.const_data_ptr<float>(),
                                             .weight = floats_or_null(weight),
                                             .d_out = bfloats(given),
                                             .d_x = wide ? d_x.mutable_data_ptr<float>() : nullptr,
                                             .d_bfloats = wide ? nullptr : mutable_bfloats(d_x),
                                             .rows = factors.size(0),
                                             .width = normed.size(-1)});
  if (!weight) return {d_x, torch::empty({0}, torch::kFloat)};
  return {d_x, (given.to(torch::kFloat) * normed).view({factors.size(0), normed.size(-1)}).sum(0)};
}

std::tuple<Tensor, Tensor> norm_backward_meta(const Tensor& d_out, const Tensor& normed, const Tensor& factors,
                                              const OptionalTensor& weight, torch::ScalarType dtype) {
  check_backward(d_out, normed, factors, weight, dtype);
  const auto floats = normed.options().dtype(torch::kFloat);
  return {torch::empty_symint(normed.sym_sizes(), normed.options().dtype(dtype)),
          weight ? torch::empty_symint(weight->sym_sizes(), floats) : torch::empty({0}, floats)};
}

Normed call_norm(const Tensor& x, const OptionalTensor& weight, double epsilon) {
  static const auto op = find_operator<decltype(norm_cpu)>("t6::rms_norm_to_bfloat16");
  return op.call(x, weight, epsilon);
}

struct BfloatNorm : torch::autograd::Function<BfloatNorm> {
  static torch::autograd::tensor_list forward(torch::autograd::AutogradContext* context, const Tensor& x,
                                              const OptionalTensor& weight, double epsilon) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const auto [out, normed, factors] = call_norm(x, weight, epsilon);
    context->mark_non_differentiable({normed, factors});
    context->saved_data["dtype"] = static_cast<int64_t>(x.scalar_type());
    context->save_for_backward({weight ? normed : out, factors, weight.value_or(Tensor())});
    return {out, normed, factors};
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    static const auto op = find_operator<decltype(norm_backward_cpu)>("t6::rms_norm_to_bfloat16_backward");
    const auto saved = context->get_saved_variables();
    const OptionalTensor weight = saved[2].defined() ? OptionalTensor(saved[2]) : std::nullopt;
    const auto dtype = static_cast<torch::ScalarType>(context->saved_data["dtype"].toInt());
    const auto [d_x, d_weight] = op.call(gradients[0], saved[0], saved[1], weight, dtype);
    return {d_x, weight ? d_weight : Tensor(), {}};
  }
};

Normed norm_autograd(const Tensor& x, const OptionalTensor& weight, double epsilon) {
  const auto outputs = BfloatNorm::apply(x, weight, epsilon);
  return {outputs[0], outputs[1], outputs[2]};
}

}  // namespace

namespace composite {

Normed rms_norm_to_bfloat16(const Tensor& x, const OptionalTensor& weight, double epsilon) {
  check(x, weight);
  const Tensor out =
      torch::rms_norm_symint(x.to(torch::kFloat), {x.sym_size(-1)}, weight, epsilon).to(torch::kBFloat16);
  const auto options = x.options().dtype(torch::kBFloat16);
  const c10::SymInt rows = x.sym_size(-1) == 0 ? c10::SymInt(0) : x.sym_numel() / x.sym_size(-1);
  return {out, weight ? unread(x.sym_sizes(), options) : torch::empty({0}, options),
          unread({rows}, options.dtype(torch::kFloat))};
}

}  // namespace composite

Tensor rms_norm_to_bfloat16(const Tensor& x, const Tensor& weight, double epsilon) {
  return std::get<0>(call_norm(x, weight.defined() ? OptionalTensor(weight) : std::nullopt, epsilon));
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def(
      "rms_norm_to_bfloat16(Tensor x, Tensor? weight, float epsilon) -> (Tensor out, Tensor normed, Tensor factors)");
  library.def(
      "rms_norm_to_bfloat16_backward(Tensor d_out, Tensor normed, Tensor factors, Tensor? weight, ScalarType dtype) -> "
      "(Tensor d_x, Tensor d_weight)");
  implement_with_gradients_elsewhere(library, "rms_norm_to_bfloat16", &composite::rms_norm_to_bfloat16);
}
TORCH_LIBRARY_IMPL(t6, CPU, library) {
  library.impl("rms_norm_to_bfloat16", &norm_cpu);
  library.impl("rms_norm_to_bfloat16_backward", &norm_backward_cpu);
}
TORCH_LIBRARY_IMPL(t6, Meta, library) {
  library.impl("rms_norm_to_bfloat16", &norm_meta);
  library.impl("rms_norm_to_bfloat16_backward", &norm_backward_meta);
}
TORCH_LIBRARY_IMPL(t6, Autograd, library) {
  library.impl("rms_norm_to_bfloat16", &norm_autograd);
  library.impl("rms_norm_to_bfloat16_backward", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace t6
