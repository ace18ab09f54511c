#include "t6/ops/attention.h"

#include "t6/core/error.h"
#include "t6/kernels/attention_backward.h"
#include "t6/ops/arguments/attention_arguments.h"
#include "t6/ops/arguments/autocast.h"
#include "t6/ops/arguments/operator.h"
#include "t6/ops/arguments/shapes.h"
#include "t6/ops/composite/composites.h"
#include "t6/ops/composite/devices.h"
#include "t6/ops/threads.h"

namespace t6 {
namespace {

using torch::Tensor;
using OptionalTensor = std::optional<Tensor>;

// The functions below have the operators' signatures.

std::tuple<Tensor, Tensor> attention_cpu(const OptionalTensor& q_a, const Tensor& q_b, const OptionalTensor& k_a,
                                         const Tensor& k_b, const OptionalTensor& v_a, const Tensor& v_b, int64_t heads,
                                         double logit_scale, double value_scale, int64_t window, int64_t sinks) {
  AttentionArguments arguments{{q_a, q_b}, {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale}, {window, sinks}};
  arguments.check("t6::attention");
  arguments.pack();
  const int64_t batch = q_b.size(0), length = q_b.size(1);
  const Tensor out = torch::empty({batch, length, arguments.head_count(), v_b.size(3)}, torch::kFloat);
  const Tensor lse = torch::empty({batch, length, arguments.head_count()}, torch::kFloat);
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
  const AttentionArguments arguments{{q_a, q_b},     {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale},
                                     {window, sinks}};
  arguments.check("t6::attention");
  const c10::SymInt batch = q_b.sym_size(0), length = q_b.sym_size(1);
  return {torch::empty_symint({batch, length, arguments.head_count(), v_b.sym_size(3)}, q_b.options()),
          torch::empty_symint({batch, length, arguments.head_count()}, q_b.options().dtype(torch::kFloat))};
}

void check_backward(const AttentionArguments& arguments, const Tensor& d_out, const Tensor& lse,
                    const OptionalTensor& out) {
  constexpr const char* kName = "t6::attention_backward";
  arguments.check(kName);
  const int64_t heads = arguments.head_count();
  const Tensor& b = arguments.q.b;
  require(lse.dim() == 3 && lse.scalar_type() == torch::kFloat && lse.sym_size(0) == b.sym_size(0) &&
              lse.sym_size(1) == b.sym_size(1) && lse.sym_size(2) == heads,
          "{}: lse must be Float [B, T, {}] with B and T of q_b, {}, not {} {}", kName, heads, shape_of(b),
          toString(lse.scalar_type()), shape_of(lse));
  const auto check_output = [&](const char* name, const Tensor& x) {
    check_type(kName, name, x);
    require(x.dim() == 4 && x.sym_size(0) == b.sym_size(0) && x.sym_size(1) == b.sym_size(1) &&
                x.sym_size(2) == heads && x.sym_size(3) == arguments.v.b.sym_size(3),
            "{}: {} must be [B, T, {}, E] with B and T of q_b, {}, and E of v_b, {}, not {} {}", kName, name, heads,
            shape_of(b), shape_of(arguments.v.b), toString(x.scalar_type()), shape_of(x));
  };
  check_output("d_out", d_out);
  if (out) check_output("out", *out);
}

// Of q_a, q_b, k_a, k_b, v_a, v_b; that of an absent factor is empty, of shape [0].
using AttentionGradients = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

Tensor like(const OptionalTensor& factor, const Tensor& present) {
  return factor ? torch::empty_symint(factor->sym_sizes(), factor->options()) : torch::empty({0}, present.options());
}

// Gradients of this sequence in float32, [T, R, H or D] each; null for an absent factor.
float* place(const OptionalTensor& factor, const Tensor& gradient, int64_t sequence) {
  return factor ? gradient.mutable_data_ptr<float>() + sequence * gradient.stride(0) : nullptr;
}

// In the factors' own types; `arguments` is packed.
AttentionGradients backward_of(const AttentionArguments& arguments, const Tensor& d_out, const Tensor& lse,
                               const OptionalTensor& out) {
  const AttentionFactors &q = arguments.q, &k = arguments.k, &v = arguments.v;
  const auto packed = [](const Tensor& x) { return x.to(torch::kFloat).contiguous(); };
  const bool wants_output = out && !arguments.bfloats;  // in bfloat16 it is not looked at
  const Tensor given = packed(d_out), sums = lse.contiguous(), output = wants_output ? packed(*out) : Tensor();
  AttentionGradients gradients = {like(q.a, q.b), like(q.b, q.b), like(k.a, k.b),
                                  like(k.b, k.b), like(v.a, v.b), like(v.b, v.b)};
  const auto& [dq_a, dq_b, dk_a, dk_b, dv_a, dv_b] = gradients;
  std::vector<AttentionBackward> batch;
  for (const Attention& forward : arguments.sequences()) {
    const auto i = static_cast<int64_t>(batch.size());
    batch.push_back({.forward = forward,
                     .lse = sums.const_data_ptr<float>() + i * sums.stride(0),
                     .d_out = given.const_data_ptr<float>() + i * given.stride(0),
                     .out = wants_output ? output.const_data_ptr<float>() + i * output.stride(0) : nullptr,
                     .dq_a = place(q.a, dq_a, i),
                     .dq_b = place(q.b, dq_b, i),
                     .dk_a = place(k.a, dk_a, i),
                     .dk_b = place(k.b, dk_b, i),
                     .dv_a = place(v.a, dv_a, i),
                     .dv_b = place(v.b, dv_b, i)});
  }
  attention_backward(torch_context(), batch);
  return gradients;
}

AttentionGradients attention_backward_cpu(const Tensor& d_out, const Tensor& lse, const OptionalTensor& q_a,
                                          const Tensor& q_b, const OptionalTensor& k_a, const Tensor& k_b,
                                          const OptionalTensor& v_a, const Tensor& v_b, int64_t heads,
                                          double logit_scale, double value_scale, int64_t window, int64_t sinks,
                                          const OptionalTensor& out) {
  AttentionArguments arguments{{q_a, q_b}, {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale}, {window, sinks}};
  check_backward(arguments, d_out, lse, out);
  arguments.pack();
  const auto [dq_a, dq_b, dk_a, dk_b, dv_a, dv_b] = backward_of(arguments, d_out, lse, out);
  const auto typed = [](const Tensor& gradient, const Tensor& factor) { return gradient.to(factor.scalar_type()); };
  return {typed(dq_a, q_a.value_or(q_b)), typed(dq_b, q_b), typed(dk_a, k_a.value_or(k_b)), typed(dk_b, k_b),
          typed(dv_a, v_a.value_or(v_b)), typed(dv_b, v_b)};
}

AttentionGradients attention_backward_meta(const Tensor& d_out, const Tensor& lse, const OptionalTensor& q_a,
                                           const Tensor& q_b, const OptionalTensor& k_a, const Tensor& k_b,
                                           const OptionalTensor& v_a, const Tensor& v_b, int64_t heads,
                                           double logit_scale, double value_scale, int64_t window, int64_t sinks,
                                           const OptionalTensor& out) {
  check_backward({{q_a, q_b}, {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale}, {window, sinks}}, d_out, lse,
                 out);
  return {like(q_a, q_b), like(q_b, q_b), like(k_a, k_b), like(k_b, k_b), like(v_a, v_b), like(v_b, v_b)};
}

std::tuple<Tensor, Tensor> call_attention(const AttentionArguments& x) {
  static const auto op = find_operator<decltype(attention_cpu)>("t6::attention");
  return op.call(x.q.a, x.q.b, x.k.a, x.k.b, x.v.a, x.v.b, x.heads, x.scales.logits, x.scales.values, x.window.window,
                 x.window.sinks);
}

AttentionGradients call_backward(const Tensor& d_out, const Tensor& lse, const AttentionArguments& x,
                                 const OptionalTensor& out) {
  static const auto op = find_operator<decltype(attention_backward_cpu)>("t6::attention_backward");
  return op.call(d_out, lse, x.q.a, x.q.b, x.k.a, x.k.b, x.v.a, x.v.b, x.heads, x.scales.logits, x.scales.values,
                 x.window.window, x.window.sinks, out);
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const OptionalTensor& q_a,
                                                const Tensor& q_b, const OptionalTensor& k_a, const Tensor& k_b,
                                                const OptionalTensor& v_a, const Tensor& v_b, int64_t heads,
                                                double logit_scale, double value_scale, int64_t window, int64_t sinks) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const AttentionArguments x{{q_a, q_b}, {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale}, {window, sinks}};
    const auto [out, lse] = call_attention(x);
    context->mark_non_differentiable({lse});
    context->saved_data["heads"] = heads;
    context->saved_data["logit_scale"] = logit_scale;
    context->saved_data["value_scale"] = value_scale;
    context->saved_data["window"] = window;
    context->saved_data["sinks"] = sinks;
    const auto or_undefined = [](const OptionalTensor& tensor) { return tensor.value_or(Tensor()); };
    // The output, which what follows keeps in any case, where it saves multiply-adds.
    context->save_for_backward(
        {or_undefined(q_a), q_b, or_undefined(k_a), k_b, or_undefined(v_a), v_b, lse, q_a && k_a ? out : Tensor()});
    return {out, lse};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto if_there = [&](size_t i) { return saved[i].defined() ? OptionalTensor(saved[i]) : std::nullopt; };
    const AttentionArguments x{
        {if_there(0), saved[1]},
        {if_there(2), saved[3]},
        {if_there(4), saved[5]},
        context->saved_data["heads"].toInt(),
        {context->saved_data["logit_scale"].toDouble(), context->saved_data["value_scale"].toDouble()},
        {context->saved_data["window"].toInt(), context->saved_data["sinks"].toInt()}};
    const auto [dq_a, dq_b, dk_a, dk_b, dv_a, dv_b] = call_backward(gradients[0], saved[6], x, if_there(7));
    const auto of = [&](size_t i, const Tensor& gradient) { return saved[i].defined() ? gradient : Tensor(); };
    return {of(0, dq_a), dq_b, of(2, dk_a), dk_b, of(4, dv_a), dv_b, {}, {}, {}, {}, {}};
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

std::tuple<Tensor, Tensor> attention_autocast(const OptionalTensor& q_a, const Tensor& q_b, const OptionalTensor& k_a,
                                              const Tensor& k_b, const OptionalTensor& v_a, const Tensor& v_b,
                                              int64_t heads, double logit_scale, double value_scale, int64_t window,
                                              int64_t sinks) {
  const Autocast autocast("t6::attention");
  const auto narrow = [&](const auto& factor) { return autocast.narrow(factor); };
  return call_attention({{narrow(q_a), narrow(q_b)},
                         {narrow(k_a), narrow(k_b)},
                         {narrow(v_a), narrow(v_b)},
                         heads,
                         {logit_scale, value_scale},
                         {window, sinks}});
}

}  // namespace

Tensor visible(const AttentionWindow& window, int64_t length, torch::Device device) {
  const Tensor position = torch::arange(length, device), query = position.unsqueeze(1), key = position.unsqueeze(0);
  if (window.window == 0) return key <= query;
  return (key <= query) & ((key > query - window.window) | (key < window.sinks));
}

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
      "Tensor v_b, int heads, float logit_scale, float value_scale, int window=0, int sinks=0, Tensor? out=None) -> "
      "(Tensor dq_a, Tensor dq_b, Tensor dk_a, Tensor dk_b, Tensor dv_a, Tensor dv_b)");
  implement_with_gradients_elsewhere(library, "attention", &composite::attention);
}
TORCH_LIBRARY_IMPL(t6, CPU, library) {
  library.impl("attention", &attention_cpu);
  library.impl("attention_backward", &attention_backward_cpu);
}
TORCH_LIBRARY_IMPL(t6, Meta, library) {
  library.impl("attention", &attention_meta);
  library.impl("attention_backward", &attention_backward_meta);
}
TORCH_LIBRARY_IMPL(t6, AutocastCPU, library) { library.impl("attention", &attention_autocast); }
TORCH_LIBRARY_IMPL(t6, Autograd, library) {
  library.impl("attention", &attention_autograd);
  library.impl("attention_backward", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace t6
