#include "t6/model/factors.h"

#include <cmath>

namespace t6 {
namespace {

FactorShape grouped(int64_t rank, int64_t heads, int64_t features) {
  FactorShape shape;
  shape.rank = rank;
  shape.heads = heads;
  shape.features = features;
  return shape;
}

FactorShape factored(const ModelConfig& config, int64_t rank, int64_t features) {
  FactorShape shape = grouped(rank, config.num_attention_heads, features);
  shape.head = config.head_factors == FactorSource::constant ? HeadFactor::constant : HeadFactor::contextual;
  shape.head_bias = config.head_factor_bias;
  shape.contextual_features = config.feature_factors == FactorSource::contextual;
  shape.third = config.third_order_dim;
  return shape;
}

int64_t key_value_heads(const ModelConfig& config) {
  switch (config.attention_kind) {
    case AttentionKind::mha:
      return config.num_attention_heads;
    case AttentionKind::gqa:
      return config.num_key_value_heads;
    default:
      return 1;
  }
}

}  // namespace

int64_t AttentionShape::cache_numbers() const {
  const int64_t value_features = values == ValueSource::own ? v.feature_numbers() : 0;
  return k.head_numbers() + k.feature_numbers() + v.head_numbers() + value_features;
}

AttentionShape attention_shape(const ModelConfig& config) {
  const int64_t heads = config.num_attention_heads;
  const int64_t features = config.head_dim, value_features = config.value_dim();
  AttentionShape shape;
  shape.query_compression = config.q_lora_rank;
  if (config.attention_kind == AttentionKind::mla) {
    const int64_t key_features = config.kv_lora_rank + config.qk_rope_head_dim;
    shape.q = grouped(heads, heads, key_features);
    shape.k = grouped(1, heads, key_features);
    shape.v = grouped(1, heads, config.kv_lora_rank);
    shape.values = ValueSource::latent;
    return shape;
  }
  shape.q = grouped(heads, heads, features);
  if (!config.is_factored()) {
    shape.k = grouped(key_value_heads(config), heads, features);
    shape.v = grouped(key_value_heads(config), heads, value_features);
    return shape;
  }
  if (config.attention_kind == AttentionKind::tpa) shape.q = factored(config, config.q_rank, features);
  shape.k = factored(config, config.k_rank, features);
  shape.v = factored(config, config.v_rank, value_features);
  if (config.shared_kv_features) shape.values = ValueSource::key_factors;
  return shape;
}

int64_t rotary_dim(const ModelConfig& config) {
  if (config.attention_kind == AttentionKind::mla) return config.qk_rope_head_dim;
  const auto features = static_cast<double>(config.head_dim / config.third_order_dim);
  return static_cast<int64_t>(features * config.partial_rotary_factor) / 2 * 2;
}

double attention_scale(const ModelConfig& config) {
  const auto features = static_cast<double>(config.head_dim + config.qk_rope_head_dim);
  return 1.0 / std::sqrt(config.query_pre_attn_scalar > 0 ? config.query_pre_attn_scalar : features);
}

double logit_scale(const ModelConfig& config, const AttentionShape& shape) {
  return attention_scale(config) * shape.q.scale() * shape.k.scale();
}

}  // namespace t6
