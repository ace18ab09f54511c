#include "t6/ops/attention.h"

#include <torch/library.h>

#include "t6/core/error.h"
#include "t6/kernels/attention_backward.h"
#include "t6/ops/arguments/attention_arguments.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using torch::Tensor;
using OptionalTensor = std::optional<Tensor>;

// The functions below have the operators' signatures.

std::tuple<Tensor, Tensor> attention_cpu(const OptionalTensor& q_a, const Tensor& q_b, const OptionalTensor& k_a,
                                         const Tensor& k_b, const OptionalTensor& v_a, const Tensor& v_b, int64_t heads,
                                         double logit_scale, double value_scale, int64_t window, int64_t sinks) {
  AttentionArguments arguments = {{q_a, q_b},     {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale},
                                  {window, sinks}};
  arguments.check("t6::attention");
  arguments.pack();
  const int64_t batch = q_b.size(0), length = q_b.size(1);
  const Tensor out = torch::empty({batch, length, heads, v_b.size(3)}, torch::kFloat);
  const Tensor lse = torch::empty({batch, length, heads}, torch::kFloat);
  std::vector<Attention> sequences = arguments.sequences();
  for (int64_t i = 0; i < batch; ++i) {
    Attention& x = sequences[static_cast<size_t>(i)];
    x.out = out.mutable_data_ptr<float>() + i * out.stride(0);
    x.lse = lse.mutable_data_ptr<float>() + i * lse.stride(0);
  }
  attention(torch_context(), sequences);
  return {out.to(q_b.scalar_type()), lse};
}

std::tuple<Tensor, Tensor> attention_meta(const OptionalTensor& q_a, const Tensor& q_b, const OptionalTensor& k_a,
                                          const Tensor& k_b, const OptionalTensor& v_a, const Tensor& v_b,
                                          int64_t heads, double logit_scale, double value_scale, int64_t window,
                                          int64_t sinks) {
  AttentionArguments({{q_a, q_b}, {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale}, {window, sinks}})
      .check("t6::attention");
  const c10::SymInt batch = q_b.sym_size(0), length = q_b.sym_size(1);
  return {torch::empty_symint({batch, length, heads, v_b.sym_size(3)}, q_b.options()),
          torch::empty_symint({batch, length, heads}, q_b.options().dtype(torch::kFloat))};
}

void check_backward(const AttentionArguments& arguments, const Tensor& d_out, const Tensor& lse) {
  constexpr const char* kName = "t6::attention_backward";
  arguments.check(kName);
  const Tensor& b = arguments.q.b;
  require(lse.dim() == 3 && lse.scalar_type() == torch::kFloat && lse.sym_size(0) == b.sym_size(0) &&
              lse.sym_size(1) == b.sym_size(1) && lse.sym_size(2) == arguments.heads,
          "{}: lse must be Float [B, T, {}] with B and T of q_b, {}, not {} {}", kName, arguments.heads, shape_of(b),
          toString(lse.scalar_type()), shape_of(lse));
  check_type(kName, "d_out", d_out);
  require(d_out.dim() == 4 && d_out.sym_size(0) == b.sym_size(0) && d_out.sym_size(1) == b.sym_size(1) &&
              d_out.sym_size(2) == arguments.heads && d_out.sym_size(3) == arguments.v.b.sym_size(3),
          "{}: d_out must be [B, T, {}, E] with B and T of q_b, {}, and E of v_b, {}, not {} {}", kName,
          arguments.heads, shape_of(b), shape_of(arguments.v.b), toString(d_out.scalar_type()), shape_of(d_out));
}

std::vector<Tensor> empty_gradients(const AttentionArguments& arguments) {
  std::vector<Tensor> gradients;
  for (const Tensor& factor : arguments.tensors()) {
    gradients.push_back(torch::empty_symint(factor.sym_sizes(), factor.options()));
  }
  return gradients;
}

// Gradients of the factors that are there, in the order of the arguments.
std::vector<Tensor> backward_cpu(const Tensor& d_out, const Tensor& lse, const OptionalTensor& q_a, const Tensor& q_b,
                                 const OptionalTensor& k_a, const Tensor& k_b, const OptionalTensor& v_a,
                                 const Tensor& v_b, int64_t heads, double logit_scale, double value_scale,
                                 int64_t window, int64_t sinks) {
  AttentionArguments arguments = {{q_a, q_b},     {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale},
                                  {window, sinks}};
  check_backward(arguments, d_out, lse);
  const std::vector<Tensor> factors = arguments.tensors();
  arguments.pack();
  std::vector<Tensor> gradients = empty_gradients(arguments);
  const Tensor given = d_out.to(torch::kFloat).contiguous(), sums = lse.contiguous();
  std::vector<AttentionBackward> batch;
  for (const Attention& forward : arguments.sequences()) {
    const auto i = static_cast<int64_t>(batch.size());
    AttentionBackward x = {.forward = forward,
                           .lse = sums.const_data_ptr<float>() + i * sums.stride(0),
                           .d_out = given.const_data_ptr<float>() + i * given.stride(0)};
    auto gradient = gradients.begin();
    const auto next = [&] {
      const Tensor& all = *gradient++;
      return all.mutable_data_ptr<float>() + i * all.stride(0);
    };
    if (q_a) x.dq_a = next();
    x.dq_b = next();
    if (k_a) x.dk_a = next();
    x.dk_b = next();
    if (v_a) x.dv_a = next();
    x.dv_b = next();
    batch.push_back(x);
  }
  attention_backward(torch_context(), batch);
  for (size_t i = 0; i < factors.size(); ++i) gradients[i] = gradients[i].to(factors[i].scalar_type());
  return gradients;
}

std::vector<Tensor> backward_meta(const Tensor& d_out, const Tensor& lse, const OptionalTensor& q_a, const Tensor& q_b,
                                  const OptionalTensor& k_a, const Tensor& k_b, const OptionalTensor& v_a,
                                  const Tensor& v_b, int64_t heads, double logit_scale, double value_scale,
                                  int64_t window, int64_t sinks) {
  const AttentionArguments arguments = {{q_a, q_b},     {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale},
                                        {window, sinks}};
  check_backward(arguments, d_out, lse);
  return empty_gradients(arguments);
}

// The operators by name, as they are called through the dispatcher.
std::tuple<Tensor, Tensor> call_attention(const AttentionArguments& x) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("t6::attention", "").typed<decltype(attention_cpu)>();
  return op.call(x.q.a, x.q.b, x.k.a, x.k.b, x.v.a, x.v.b, x.heads, x.scales.logits, x.scales.values, x.window.window,
                 x.window.sinks);
}

std::vector<Tensor> call_backward(const Tensor& d_out, const Tensor& lse, const AttentionArguments& x) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("t6::attention_backward", "").typed<decltype(backward_cpu)>();
  return op.call(d_out, lse, x.q.a, x.q.b, x.k.a, x.k.b, x.v.a, x.v.b, x.heads, x.scales.logits, x.scales.values,
                 x.window.window, x.window.sinks);
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const OptionalTensor& q_a,
                                                const Tensor& q_b, const OptionalTensor& k_a, const Tensor& k_b,
                                                const OptionalTensor& v_a, const Tensor& v_b, int64_t heads,
                                                double logit_scale, double value_scale, int64_t window, int64_t sinks) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const AttentionArguments x = {{q_a, q_b},     {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale},
                                  {window, sinks}};
    const auto [out, lse] = call_attention(x);
    context->mark_non_differentiable({lse});
    context->saved_data["heads"] = heads;
    context->saved_data["logit_scale"] = logit_scale;
    context->saved_data["value_scale"] = value_scale;
    context->saved_data["window"] = window;
    context->saved_data["sinks"] = sinks;
    const auto or_undefined = [](const OptionalTensor& tensor) { return tensor.value_or(Tensor()); };
    context->save_for_backward({or_undefined(q_a), q_b, or_undefined(k_a), k_b, or_undefined(v_a), v_b, lse});
    return {out, lse};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto if_there = [&](size_t i) { return saved[i].defined() ? OptionalTensor(saved[i]) : std::nullopt; };
    const AttentionArguments x = {
        {if_there(0), saved[1]},
        {if_there(2), saved[3]},
        {if_there(4), saved[5]},
        context->saved_data["heads"].toInt(),
        {context->saved_data["logit_scale"].toDouble(), context->saved_data["value_scale"].toDouble()},
        {context->saved_data["window"].toInt(), context->saved_data["sinks"].toInt()}};
    const std::vector<Tensor> given = call_backward(gradients[0], saved[6], x);
    torch::autograd::variable_list all(11);  // one an argument; those of absent factors and of numbers stay undefined
    for (size_t i = 0, next = 0; i < 6; ++i) {
      if (saved[i].defined()) all[i] = given[next++];
    }
    return all;
  }
};

std::tuple<Tensor, Tensor> attention_autograd(const OptionalTensor& q_a, const Tensor& q_b, const OptionalTensor& k_a,
                                              const Tensor& k_b, const OptionalTensor& v_a, const Tensor& v_b,
                                              int64_t heads, double logit_scale, double value_scale, int64_t window,
                                              int64_t sinks) {
  const auto outputs =
      AttentionFunction::apply(q_a, q_b, k_a, k_b, v_a, v_b, heads, logit_scale, value_scale, window, sinks);
  return {outputs[0], outputs[1]};
}

}  // namespace

std::tuple<Tensor, Tensor> attention(const AttentionFactors& q, const AttentionFactors& k, const AttentionFactors& v,
                                     int64_t heads, const AttentionScales& scales, const AttentionWindow& window) {
  return call_attention({q, k, v, heads, scales, window});
}

TORCH_LIBRARY_FRAGMENT(t6, library) {
  library.def(
      "attention(Tensor? q_a, Tensor q_b, Tensor? k_a, Tensor k_b, Tensor? v_a, Tensor v_b, int heads, "
      "float logit_scale, float value_scale, int window=0, int sinks=0) -> (Tensor out, Tensor lse)");
  library.def(
      "attention_backward(Tensor d_out, Tensor lse, Tensor? q_a, Tensor q_b, Tensor? k_a, Tensor k_b, Tensor? v_a, "
      "Tensor v_b, int heads, float logit_scale, float value_scale, int window=0, int sinks=0) -> Tensor[]");
}
TORCH_LIBRARY_IMPL(t6, CPU, library) {
  library.impl("attention", &attention_cpu);
  library.impl("attention_backward", &backward_cpu);
}
TORCH_LIBRARY_IMPL(t6, Meta, library) {
  library.impl("attention", &attention_meta);
  library.impl("attention_backward", &backward_meta);
}
TORCH_LIBRARY_IMPL(t6, Autograd, library) {
  library.impl("attention", &attention_autograd);
  library.impl("attention_backward", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace t6
