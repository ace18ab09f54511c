#include "t6/nn/layers/attention.h"

#include "t6/ops/attention.h"

namespace t6 {

namespace {

// Each token's predecessor's, zero for the first. x [B or 1, T, ...]; a constant, [R, ...], is its own predecessor.
torch::Tensor previous(const torch::Tensor& x) {
  if (x.dim() == 2) return x;
  return torch::constant_pad_nd(x.narrow(1, 0, x.size(1) - 1), {0, 0, 0, 0, 1, 0});
}

}  // namespace

SelfAttentionImpl::SelfAttentionImpl(const ModelConfig& config, int64_t layer, AttentionPath path)
    : config_(config),
      path_(path),
      shape_(attention_shape(config)),
      layer_(layer_attention(config, layer)),
      rotary_(rotary_table(layer_.rotation)) {
  const int64_t width = config.hidden_size, H = config.num_attention_heads, D = config.head_dim, E = config.value_dim();
  const int64_t rope = config.qk_rope_head_dim, latent = config.kv_lora_rank;
  if (shape_.query_compression > 0) {
    compressed_query_.register_in(*this, width, shape_.query_compression, H * (D + rope));
  }
  if (shape_.values == ValueSource::latent) {
    latent_down_ = register_module("kv_a_proj_with_mqa", Linear(width, latent + rope));
    latent_norm_ = register_module("kv_a_layernorm", Norm(latent, kLatentEpsilon, true));
    latent_up_ = register_module("kv_b_proj", Linear(latent, H * (D + E)));
  } else {
    const auto projection = [&](const char* name, const FactorShape& shape, bool has_features) {
      return register_module(
          name, FactorProjection(shape, config.head_activation, width, has_features, config.attention_bias));
    };
    if (shape_.query_compression == 0) q_proj_ = projection("q_proj", shape_.q, true);
    k_proj_ = projection("k_proj", shape_.k, true);
    v_proj_ = projection("v_proj", shape_.v, shape_.values == ValueSource::own);
  }
  if (config.query_key_norm) {
    q_norm_ = register_module("q_norm", Norm(D, config.rms_norm_eps, true));
    k_norm_ = register_module("k_norm", Norm(D, config.rms_norm_eps, true));
  }
  if (config.kv_shift) {
    k_shift_ = register_parameter("k_shift", torch::empty({2, H}));
    v_shift_ = register_parameter("v_shift", torch::empty({2, H}));
  }
  if (config.head_output_norm) head_norm_ = register_module("head_norm", Norm(E, kHeadEpsilon, true));
  if (config.output_gate) gate_proj_ = register_module("gate_proj", Linear(width, H * E));
  o_proj_ = register_module("o_proj", Linear(H * E, width, config.attention_output_bias));
}

SelfAttentionImpl::Products SelfAttentionImpl::project(const torch::Tensor& x) {
  const int64_t length = x.size(1);
  TensorProduct q;
  if (shape_.query_compression > 0) {
    q.b = compressed_query_.forward(x).unflatten(-1, {shape_.q.rank, -1});
    if (q_norm_) q.b = q_norm_->forward(q.b);
    q.b = rotary_.rotate(q.b, length);
  } else {
    q = q_proj_->forward(x, q_norm_, &rotary_);
  }
  const TensorProduct k = k_proj_->forward(x, k_norm_, &rotary_);
  const TensorProduct v = shape_.values == ValueSource::own ? v_proj_->forward(x, Norm(nullptr), nullptr)
                                                            : v_proj_->forward_shared(x, k.shared);
  return {q, k, v};
}

SelfAttentionImpl::Products SelfAttentionImpl::project_latent(const torch::Tensor& x) {
  const int64_t length = x.size(1), H = config_.num_attention_heads, D = config_.head_dim, E = config_.value_dim();
  const int64_t rope = config_.qk_rope_head_dim;
  const auto query = compressed_query_.forward(x).unflatten(-1, {H, D + rope}).split_with_sizes({D, rope}, -1);
  const auto latent = latent_down_->forward(x).split_with_sizes({config_.kv_lora_rank, rope}, -1);
  const auto key_value =
      latent_up_->forward(latent_norm_->forward(latent[0])).unflatten(-1, {H, D + E}).split_with_sizes({D, E}, -1);
  const torch::Tensor key_rope = rotary_.rotate(latent[1].unsqueeze(2), length).expand({-1, -1, H, -1});
  Products dense;
  dense.q.b = torch::cat({query[0], rotary_.rotate(query[1], length)}, -1);
  dense.k.b = torch::cat({key_value[0], key_rope}, -1);
  dense.v.b = key_value[1];
  return dense;
}

// Mixes each head's keys (or values) with the previous token's, after rotation: the cache can then keep unmixed
// factors. A mixed product is one of twice the rank, the second half with the previous token's factors.
TensorProduct SelfAttentionImpl::shift(const TensorProduct& product, const torch::Tensor& weights) {
  const auto& [a, b, scale, shared] = product;
  if (a.defined()) {
    const torch::Tensor head_factors = torch::cat({a * weights[0], previous(a) * weights[1]}, -2);
    return {head_factors, torch::cat({b, previous(b)}, -2), scale, {}};
  }
  const int64_t H = config_.num_attention_heads;
  const torch::Tensor heads = b.size(2) == H ? b : b.repeat_interleave(H / b.size(2), 2);
  return {{}, heads * weights[0].unsqueeze(-1) + previous(heads) * weights[1].unsqueeze(-1), scale, {}};
}

torch::Tensor SelfAttentionImpl::attend_fused(const Products& products, int64_t batch, int64_t length) {
  const auto factors = [&](const TensorProduct& product) {
    const auto spread = [&](const torch::Tensor& factor) {
      return factor.expand({batch, length, factor.size(-2), factor.size(-1)});
    };
    AttentionFactors spread_factors{std::nullopt, spread(product.b)};
    if (product.a.defined()) spread_factors.a = spread(product.a);
    return spread_factors;
  };
  const auto& [q, k, v] = products;
  const AttentionScales scales = {logit_scale(config_, shape_), shape_.v.scale()};
  return std::get<0>(attention(factors(q), factors(k), factors(v), config_.num_attention_heads, scales,
                               {layer_.window, layer_.sinks}));
}

torch::Tensor SelfAttentionImpl::attend_formed(const Products& products, int64_t batch, int64_t length,
                                               const torch::Tensor& tokens) {
  const auto heads = [&](const TensorProduct& product) {
    return materialize(product, batch, length).transpose(1, 2);  // [B, H or G, T, D]
  };
  const torch::Tensor q = heads(products.q), k = heads(products.k), v = heads(products.v);
  const bool grouped = k.size(1) != q.size(1) || v.size(1) != q.size(1);
  std::optional<torch::Tensor> mask;
  if (layer_.window > 0) mask = visible({layer_.window, layer_.sinks}, length, q.device());
  if (config_.bidirectional) mask = tokens.view({batch, 1, 1, length});
  return torch::scaled_dot_product_attention(q, k, v, mask, /*dropout_p=*/0, /*is_causal=*/!mask,
                                             attention_scale(config_), /*enable_gqa=*/grouped)
      .transpose(1, 2);
}

torch::Tensor SelfAttentionImpl::forward(const torch::Tensor& x, const torch::Tensor& tokens) {
  const int64_t batch = x.size(0), length = x.size(1);
  Products products = shape_.values == ValueSource::latent ? project_latent(x) : project(x);
  if (config_.kv_shift) {
    products.k = shift(products.k, k_shift_);
    products.v = shift(products.v, v_shift_);
  }
  // Constants and what they were multiplied by are float32 beside bfloat16.
  for (TensorProduct* product : {&products.q, &products.k, &products.v}) {
    if (product->a.defined()) product->a = product->a.to(x.scalar_type());
    product->b = product->b.to(x.scalar_type());
  }
  const bool fused = path_ == AttentionPath::fused && x.scalar_type() != torch::kDouble;
  torch::Tensor out = fused ? attend_fused(products, batch, length) : attend_formed(products, batch, length, tokens);
  if (head_norm_) out = head_norm_->forward(out);
  out = out.flatten(2);
  if (gate_proj_) out = out * gate_proj_->forward(x).sigmoid();
  return o_proj_->forward_residual(out);
}

}  // namespace t6
