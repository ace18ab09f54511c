#include "t6/nn/layers/factor_projection.h"

namespace t6 {

torch::Tensor materialize(const TensorProduct& product, int64_t batch, int64_t length) {
  const auto& [a, b, scale, shared] = product;
  if (!a.defined()) return b;
  const int64_t R = a.size(-2), H = a.size(-1), D = b.size(-1), tokens = batch * length;
  // One small product per token: scaling the smaller factor, a, costs the least. Of constant head factors, too: bits of
  // a large product of LibTorch's depend on where in memory its operands lie.
  const torch::Tensor scaled = a * scale;
  const torch::Tensor heads =
      (a.dim() == 2 ? scaled.expand({tokens, R, H}) : scaled.reshape({tokens, R, H})).transpose(1, 2);
  const torch::Tensor features = b.expand({batch, length, R, D}).reshape({tokens, R, D});
  return torch::bmm(heads, features).view({batch, length, H, D});
}

FactorProjectionImpl::FactorProjectionImpl(const FactorShape& shape, HeadActivation activation, int64_t width,
                                           bool has_features, bool bias)
    : shape_(shape), activation_(activation) {
  const int64_t R = shape.rank, H = shape.heads, D = shape.features;
  if (shape.head == HeadFactor::grouped) {
    weight_ = register_parameter("weight", torch::empty({R * D, width}));
    if (bias) bias_ = register_parameter("bias", torch::empty({R * D}));
    return;
  }
  if (shape.head == HeadFactor::contextual) {
    a_ = register_module("a", Linear(width, R * H, shape.head_bias));
  } else {
    constant_a_ = register_parameter("a", torch::empty({R, H}));
  }
  if (!has_features) return;
  if (!shape.contextual_features) {
    constant_b_ = register_parameter("b", torch::empty({R, D}));
    return;
  }
  b_ = register_module("b", Linear(width, R * shape.base_features()));
  if (shape.third > 1) c_ = register_module("c", Linear(width, R * shape.third));
}

torch::Tensor FactorProjectionImpl::head_factors(const torch::Tensor& x) {
  if (shape_.head == HeadFactor::grouped) return {};
  if (shape_.head == HeadFactor::constant) return constant_a_;
  const torch::Tensor a = a_->forward(x).unflatten(-1, {shape_.rank, shape_.heads});
  switch (activation_) {
    case HeadActivation::identity:
      return a;
    case HeadActivation::sigmoid:
      return a.sigmoid();
    case HeadActivation::softmax_heads:
      return a.softmax(-1);
    case HeadActivation::softmax_ranks:
      return a.softmax(-2);
  }
  return a;
}

torch::Tensor FactorProjectionImpl::grouped_features(const torch::Tensor& x) {
  const torch::Tensor features = t6::linear(x, weight_);
  return bias_.defined() ? (features + bias_).to(features.scalar_type()) : features;
}

TensorProduct FactorProjectionImpl::forward(const torch::Tensor& x, Norm norm, Rotary* rotary) {
  const auto split = [&](const torch::Tensor& y) { return y.unflatten(-1, {shape_.rank, -1}); };
  TensorProduct product;
  product.a = head_factors(x);
  product.scale = shape_.scale();
  const torch::Tensor raw = shape_.head == HeadFactor::grouped ? split(grouped_features(x))
                            : shape_.contextual_features       ? split(b_->forward(x))
                                                               : constant_b_;
  torch::Tensor b = norm ? norm->forward(raw) : raw;
  if (rotary) b = rotary->rotate(b, x.size(1));
  product.b = b;
  product.shared = raw;
  if (shape_.third > 1) {
    // vec(b' (outer) c) with b' running fastest, so that rotating b' is I (kron) R^T on the product (Theorem C.1).
    const torch::Tensor c = split(c_->forward(x)).unsqueeze(-1);
    product.b = (c * b.unsqueeze(-2)).flatten(-2);
    product.shared = (c * raw.unsqueeze(-2)).flatten(-2);
  }
  return product;
}

TensorProduct FactorProjectionImpl::forward_shared(const torch::Tensor& x, const torch::Tensor& features) {
  return {head_factors(x), features, shape_.scale(), {}};
}

}  // namespace t6
