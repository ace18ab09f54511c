#include "t6/ops/arguments/attention_arguments.h"

#include "t6/core/error.h"
#include "t6/kernels/attention_backward.h"
#include "t6/ops/arguments/shapes.h"

namespace t6 {
namespace {

void check_tensor(const char* op, const std::string& name, const torch::Tensor& tensor) {
  check_type(op, name.c_str(), tensor);
  require(tensor.dim() == 4, "{}: {} must have four dimensions, not the shape {}", op, name, shape_of(tensor));
}

torch::Tensor packed(const torch::Tensor& given) {
  const torch::Tensor tensor = given.to(torch::kFloat);
  const bool rows = tensor.stride(3) == 1 && tensor.stride(2) == tensor.size(3);
  return rows ? tensor : tensor.contiguous();
}

}  // namespace

void check_factors(const char* op, const std::string& name, const AttentionFactors& factors, int64_t heads,
                   const torch::Tensor& like) {
  const torch::Tensor& b = factors.b;
  check_tensor(op, name + "_b", b);
  require(b.sym_size(0) == like.sym_size(0) && b.sym_size(1) == like.sym_size(1),
          "{}: {}_b must have the batch and length of q_b, {}, not {}", op, name, shape_of(like), shape_of(b));
  if (factors.a) {
    const torch::Tensor& a = *factors.a;
    check_tensor(op, name + "_a", a);
    require(a.sym_sizes().slice(0, 3).equals(b.sym_sizes().slice(0, 3)) && a.sym_size(3) == heads,
            "{}: {}_a must be [B, T, R, {}] with B, T and R of {}_b, {}, not {}", op, name, heads, name, shape_of(b),
            shape_of(a));
  } else {
    require(b.sym_size(2) > 0 && heads % b.sym_size(2) == 0,
            "{}: without {}_a the ranks of {}_b must divide the {} heads; its shape is {}", op, name, name, heads,
            shape_of(b));
  }
}

void pack(AttentionFactors& factors) {
  if (factors.a) factors.a = packed(*factors.a);
  factors.b = packed(factors.b);
}

FactorView view_of(const AttentionFactors& factors, int64_t sequence) {
  FactorView view;
  view.rank = factors.b.size(2);
  view.features = factors.b.size(3);
  view.b = factors.b.const_data_ptr<float>() + sequence * factors.b.stride(0);
  view.b_stride = factors.b.stride(1);
  if (factors.a) {
    view.a = factors.a->const_data_ptr<float>() + sequence * factors.a->stride(0);
    view.a_stride = factors.a->stride(1);
  }
  return view;
}

void check_type(const char* op, const char* name, const torch::Tensor& tensor) {
  require(tensor.scalar_type() == torch::kFloat || tensor.scalar_type() == torch::kBFloat16,
          "{}: {} must be Float or BFloat16, not {}", op, name, toString(tensor.scalar_type()));
}

int64_t AttentionArguments::head_count() const {
  if (heads != 0) return heads;
  for (const AttentionFactors* factors : {&q, &k, &v}) {
    if (factors->a && factors->a->dim() == 4) return factors->a->sym_size(3).guard_int(__FILE__, __LINE__);
  }
  return q.b.dim() == 4 ? q.b.sym_size(2).guard_int(__FILE__, __LINE__) : 0;
}

void AttentionArguments::check(const char* name) const {
  const int64_t count = head_count();
  require(count >= 1, "{}: heads must be at least 1, not {}", name, count);
  require(window.window >= 0 && window.sinks >= 0, "{}: window and sinks must be at least 0, not {} and {}", name,
          window.window, window.sinks);
  check_factors(name, "q", q, count, q.b);
  check_factors(name, "k", k, count, q.b);
  check_factors(name, "v", v, count, q.b);
  require(k.b.sym_size(3) == q.b.sym_size(3), "{}: k_b must have as many features as q_b, {}, not {}", name,
          shape_of(q.b), shape_of(k.b));
}

void AttentionArguments::pack() {
  const auto is_bfloat = [](const AttentionFactors& factors) { return factors.b.scalar_type() == torch::kBFloat16; };
  bfloats = is_bfloat(q) && is_bfloat(k) && is_bfloat(v) && trains_by_bfloats();
  for (AttentionFactors* factors : {&q, &k, &v}) t6::pack(*factors);
}

std::vector<Attention> AttentionArguments::sequences() const {
  std::vector<Attention> sequences;
  for (int64_t i = 0; i < q.b.size(0); ++i) {
    Attention x;
    x.q = view_of(q, i);
    x.k = view_of(k, i);
    x.v = view_of(v, i);
    x.T = q.b.size(1);
    x.heads = head_count();
    x.window = window.window;
    x.sinks = window.sinks;
    x.logit_scale = static_cast<float>(scales.logits);
    x.value_scale = static_cast<float>(scales.values);
    x.bfloats = bfloats;
    sequences.push_back(x);
  }
  return sequences;
}

}  // namespace t6
