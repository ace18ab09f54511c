#include "t6/attention_bench/options.h"

#include "t6/model/costs.h"

namespace t6 {

ModelConfig layer_config(const BenchOptions& options, const std::string& kind) {
  ModelConfig config;
  config.attention_kind = parse_attention_kind(kind);
  config.num_attention_heads = options.heads;
  config.head_dim = options.dim;
  config.num_key_value_heads = options.groups;
  config.q_rank = options.q_rank;
  config.k_rank = config.v_rank = options.kv_rank;
  if (config.attention_kind == AttentionKind::mla) {
    config.kv_lora_rank = options.mla_latent;
    config.qk_rope_head_dim = options.mla_rope;
  }
  return config;
}

double decode_flops(const ModelConfig& config, int64_t batch, int64_t length) {
  return 2.0 * static_cast<double>(batch * length) * static_cast<double>(decode_multiply_adds(config));
}

double prefill_flops(const ModelConfig& config, int64_t batch, int64_t length) {
  const double pairs = 0.5 * static_cast<double>(length) * static_cast<double>(length + 1);
  const int64_t each = config.num_attention_heads * (config.head_dim + config.value_dim());
  return 2.0 * static_cast<double>(batch) * pairs * static_cast<double>(each);
}

}  // namespace t6
