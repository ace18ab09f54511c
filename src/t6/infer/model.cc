#include "t6/infer/model.h"

#include <string>
#include <utility>

#include "t6/model/parameters.h"

namespace t6 {
namespace {

FactorWeights factor_weights(const Weights& weights, const std::string& self, const std::string& letter,
                             const FactorShape& shape) {
  const std::string name = self + letter + "_proj";
  FactorWeights factors;
  factors.norm = weights.find(self + letter + "_norm.weight");
  if (shape.head == HeadFactor::grouped) {
    factors.b = weights.find(name + ".weight");
    return factors;
  }
  factors.a = weights.find(shape.head == HeadFactor::constant ? name + ".a" : name + ".a.weight");
  factors.b = weights.find(shape.contextual_features ? name + ".b.weight" : name + ".b");
  factors.c = weights.find(name + ".c.weight");
  return factors;
}

LatentWeights latent_weights(const Weights& weights, const std::string& self, const ModelConfig& config) {
  LatentWeights latent;
  latent.down = weights.find(self + "kv_a_proj_with_mqa.weight");
  latent.norm = weights.find(self + "kv_a_layernorm.weight");
  latent.up = weights.find(self + "kv_b_proj.weight");
  const int64_t H = config.num_attention_heads, D = config.head_dim, E = config.value_dim();
  const int64_t width = config.kv_lora_rank;
  latent.key_up.resize(static_cast<size_t>(H * width * D));
  float* to = latent.key_up.data();
  for (int64_t h = 0; h < H; ++h) {
    const float* keys = latent.up + h * (D + E) * width;  // [D, d_c]
    for (int64_t i = 0; i < width; ++i) {
      for (int64_t j = 0; j < D; ++j) *to++ = keys[j * width + i];
    }
  }
  return latent;
}

}  // namespace

Model::Model(const ModelConfig& config, Weights weights)
    : config_(config), shape_(attention_shape(config)), weights_(std::move(weights)) {
  embeddings_ = weights_.find("model.embed_tokens.weight");
  final_norm_ = weights_.find("model.norm.weight");
  output_head_ = config.tie_word_embeddings ? embeddings_ : weights_.find("lm_head.weight");
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) layers_.push_back(layer_weights(i));
}

LayerWeights Model::layer_weights(int64_t layer) const {
  const std::string prefix = layer_prefix(layer), self = prefix + "self_attn.";
  LayerWeights out;
  out.input_norm = weights_.find(prefix + "input_layernorm.weight");
  out.query_down = weights_.find(self + "q_a_proj.weight");
  out.query_norm = weights_.find(self + "q_a_layernorm.weight");
  if (out.query_down) {
    out.q.b = weights_.find(self + "q_b_proj.weight");
    out.q.norm = weights_.find(self + "q_norm.weight");
  } else {
    out.q = factor_weights(weights_, self, "q", shape_.q);
  }
  if (config_.attention_kind == AttentionKind::mla) {
    out.latent = latent_weights(weights_, self, config_);
  } else {
    out.k = factor_weights(weights_, self, "k", shape_.k);
    out.v = factor_weights(weights_, self, "v", shape_.v);
  }
  out.k_shift = weights_.find(self + "k_shift");
  out.v_shift = weights_.find(self + "v_shift");
  out.head_norm = weights_.find(self + "head_norm.weight");
  out.gate = weights_.find(self + "gate_proj.weight");
  out.output = weights_.find(self + "o_proj.weight");
  out.feed_forward_norm = weights_.find(prefix + "post_attention_layernorm.weight");
  out.mlp_gate = weights_.find(prefix + "mlp.gate_proj.weight");
  out.mlp_up = weights_.find(prefix + "mlp.up_proj.weight");
  out.mlp_down = weights_.find(prefix + "mlp.down_proj.weight");
  return out;
}

}  // namespace t6
