#include "t6/ops/arguments/attention_arguments.h"
#include "t6/ops/composite/composites.h"
#include "t6/ops/composite/unread.h"

namespace t6 {
namespace {

// One of bfloat16 alone is computed in it, as LibTorch's attention is.
torch::ScalarType common_type(const AttentionArguments& x) {
  torch::ScalarType type = x.q.b.scalar_type();
  for (const AttentionFactors* factors : {&x.q, &x.k, &x.v}) {
    type = c10::promoteTypes(type, factors->b.scalar_type());
    if (factors->a) type = c10::promoteTypes(type, factors->a->scalar_type());
  }
  return type;
}

// scale * sum_r a_r (outer) b_r as [B, H, T, D]; without `a` one head a rank, which is [B, R, T, D].
torch::Tensor materialized(const AttentionFactors& factors, double scale, torch::ScalarType type) {
  const torch::Tensor& narrow = factors.a ? *factors.a : factors.b;  // scaling the smaller one costs the least
  const torch::Tensor scaled = scale == 1 ? narrow.to(type) : narrow.to(type) * scale;
  return (factors.a ? torch::matmul(scaled.transpose(2, 3), factors.b.to(type)) : scaled).transpose(1, 2);
}

torch::Tensor spread(const torch::Tensor& x, int64_t heads) {
  return x.size(1) == heads ? x : x.repeat_interleave(heads / x.size(1), 1);
}

}  // namespace

namespace composite {

std::tuple<Tensor, Tensor> attention(const OptionalTensor& q_a, const Tensor& q_b, const OptionalTensor& k_a,
                                     const Tensor& k_b, const OptionalTensor& v_a, const Tensor& v_b, int64_t heads,
                                     double logit_scale, double value_scale, int64_t window, int64_t sinks) {
  const AttentionArguments x{{q_a, q_b}, {k_a, k_b}, {v_a, v_b}, heads, {logit_scale, value_scale}, {window, sinks}};
  x.check("t6::attention");
  const int64_t H = x.head_count();
  const torch::ScalarType type = common_type(x);
  const Tensor q = spread(materialized(x.q, 1, type), H);
  Tensor k = materialized(x.k, 1, type), v = materialized(x.v, value_scale, type);
  const bool grouped = k.size(1) == v.size(1) && k.size(1) < H;
  if (!grouped) k = spread(k, H), v = spread(v, H);
  std::optional<Tensor> mask;
  if (window > 0) mask = visible(x.window, q_b.size(1), q_b.device());
  const Tensor out = torch::scaled_dot_product_attention(q, k, v, mask, /*dropout_p=*/0, /*is_causal=*/!mask,
                                                         logit_scale, /*enable_gqa=*/grouped);
  return {out.transpose(1, 2).to(q_b.scalar_type()),
          unread({q_b.sym_size(0), q_b.sym_size(1), H}, q_b.options().dtype(torch::kFloat))};
}

}  // namespace composite
}  // namespace t6
