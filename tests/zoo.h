// Every kind of attention and every option as a tiny model, for tests that must hold for all of them.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "t6/model/config.h"

namespace t6 {

struct ZooModel {
  std::string name;
  ModelConfig config;
};

inline std::ostream& operator<<(std::ostream& out, const ZooModel& model) { return out << model.name; }

// The name of a parameterized test.
template <typename Info>
std::string zoo_name(const Info& test) {
  return test.param.name;
}

// Sizes that differ from each other and are no multiples of a vector's width.
inline std::vector<ZooModel> zoo() {
  ModelConfig base;
  base.vocab_size = 37;
  base.hidden_size = 20;
  base.num_hidden_layers = 2;
  base.num_attention_heads = 6;
  base.head_dim = 10;
  base.max_position_embeddings = 64;
  base.q_rank = 3;
  std::vector<ZooModel> models;
  const auto add = [&](const std::string& name, AttentionKind kind, auto change) {
    ModelConfig config = base;
    config.attention_kind = kind;
    if (kind == AttentionKind::gqa) config.num_key_value_heads = 2;
    if (kind == AttentionKind::mfa || kind == AttentionKind::mla) config.q_lora_rank = 9;
    if (kind == AttentionKind::mla) {
      config.kv_lora_rank = 7;
      config.qk_rope_head_dim = 4;
    }
    change(config);
    check_config(config, name);
    models.push_back({name, config});
  };
  const auto plain = [](ModelConfig&) {};
  constexpr AttentionKind tpa = AttentionKind::tpa, tpa_kvonly = AttentionKind::tpa_kvonly, mla = AttentionKind::mla;
  constexpr AttentionKind mha = AttentionKind::mha;
  for (const std::string name : {"mha", "mqa", "gqa", "mfa", "mla", "tpa", "tpa_kvonly"}) {
    const AttentionKind kind = parse_attention_kind(name);
    add(name, kind, plain);
    add(name + "_shift_gate_norm", kind, [](ModelConfig& c) {
      c.kv_shift = c.output_gate = c.head_output_norm = true;
      c.norm_weight = false;
    });
    add(name + "_values", kind, [](ModelConfig& c) { c.v_head_dim = 14; });
    if (kind == mla) continue;
    add(name + "_qknorm_partial", kind, [](ModelConfig& c) {
      c.query_key_norm = true;
      c.partial_rotary_factor = 0.5;
    });
  }
  add("tpa_ranks", tpa, [](ModelConfig& c) {
    c.q_rank = 4;
    c.k_rank = 1;
    c.v_rank = 3;
  });
  add("tpa_constant_a", tpa, [](ModelConfig& c) { c.head_factors = FactorSource::constant; });
  add("tpa_constant_b", tpa, [](ModelConfig& c) { c.feature_factors = FactorSource::constant; });
  add("tpa_constant_b_qknorm_shift", tpa, [](ModelConfig& c) {
    c.feature_factors = FactorSource::constant;
    c.query_key_norm = c.kv_shift = true;
  });
  add("tpa_kvonly_constant_a", tpa_kvonly, [](ModelConfig& c) { c.head_factors = FactorSource::constant; });
  add("tpa_kvonly_constant_b", tpa_kvonly, [](ModelConfig& c) { c.feature_factors = FactorSource::constant; });
  for (const auto& [activation, name] : kHeadActivations) {
    if (activation == HeadActivation::identity) continue;  // the other models have it
    add("tpa_" + std::string(name), tpa, [value = activation](ModelConfig& c) { c.head_activation = value; });
  }
  for (const AttentionKind kind : {tpa, tpa_kvonly}) {
    add(attention_kind_name(kind) + "_head_bias", kind, [](ModelConfig& c) { c.head_factor_bias = true; });
  }
  add("tpa_head_bias_softmax_ranks_third", tpa, [](ModelConfig& c) {
    c.head_factor_bias = true;
    c.head_activation = HeadActivation::softmax_ranks;
    c.head_dim = 12;
    c.third_order_dim = 3;
  });
  add("tpa_head_bias_shared_qknorm_shift", tpa,
      [](ModelConfig& c) { c.head_factor_bias = c.shared_kv_features = c.query_key_norm = c.kv_shift = true; });
  add("tpa_kvonly_head_bias_constant_b", tpa_kvonly, [](ModelConfig& c) {
    c.head_factor_bias = true;
    c.feature_factors = FactorSource::constant;
  });
  add("tpa_shared", tpa, [](ModelConfig& c) { c.shared_kv_features = true; });
  add("tpa_shared_qknorm_shift", tpa,
      [](ModelConfig& c) { c.shared_kv_features = c.query_key_norm = c.kv_shift = true; });
  add("tpa_shared_constant_a", tpa, [](ModelConfig& c) {
    c.shared_kv_features = true;
    c.head_factors = FactorSource::constant;
  });
  add("tpa_shared_constant_b", tpa, [](ModelConfig& c) {
    c.shared_kv_features = true;
    c.feature_factors = FactorSource::constant;
  });
  add("tpa_third", tpa, [](ModelConfig& c) {
    c.head_dim = 12;
    c.third_order_dim = 3;
  });
  add("tpa_kvonly_third", tpa_kvonly, [](ModelConfig& c) {
    c.head_dim = 12;
    c.third_order_dim = 3;
  });
  add("tpa_third_shared_partial", tpa, [](ModelConfig& c) {
    c.head_dim = 12;
    c.third_order_dim = 2;
    c.shared_kv_features = true;
    c.partial_rotary_factor = 0.7;
  });
  add("tpa_no_rope", tpa, [](ModelConfig& c) { c.partial_rotary_factor = 0; });
  add("tpa_untied", tpa, [](ModelConfig& c) { c.tie_word_embeddings = false; });
  add("tpa_llama3_rope", tpa, [](ModelConfig& c) {
    c.rope_scaling = {RopeScalingKind::llama3, 8, 1, 4, 64};  // its pairs take all three ways
  });
  for (const AttentionKind kind : {mha, AttentionKind::mqa, AttentionKind::gqa}) {
    add(attention_kind_name(kind) + "_bias_linear_rope", kind, [](ModelConfig& c) {
      c.attention_bias = true;
      c.rope_scaling = {RopeScalingKind::linear, 2.5};
    });
  }
  add("mha_theta", mha, [](ModelConfig& c) { c.rope_theta = 500000; });
  add("mha_output_bias", mha, [](ModelConfig& c) { c.attention_bias = c.attention_output_bias = true; });
  add("tpa_yarn", tpa, [](ModelConfig& c) { c.rope_scaling = {RopeScalingKind::yarn, 4, 1, 4, 16, 4, 1, true, 1.3}; });
  add("mqa_dynamic", AttentionKind::mqa, [](ModelConfig& c) { c.rope_scaling = {RopeScalingKind::dynamic, 4}; });
  const auto windows = [](ModelConfig& c) {
    c.sliding_window = 5;
    c.attention_sinks = 2;
  };
  const auto first_slides = [=](ModelConfig& c) {
    windows(c);
    c.layer_types = {LayerType::sliding, LayerType::full};
  };
  for (const AttentionKind kind : {mha, tpa, tpa_kvonly, mla})
    add(attention_kind_name(kind) + "_windows", kind, windows);
  for (const AttentionKind kind : {AttentionKind::gqa, tpa}) {
    add(attention_kind_name(kind) + "_one_window_shift", kind, [=](ModelConfig& c) {
      first_slides(c);
      c.kv_shift = true;
      c.rope_local_base_freq = 500;
    });
  }
  add("tpa_shared_one_window_constant_b", tpa, [=](ModelConfig& c) {
    first_slides(c);
    c.shared_kv_features = c.query_key_norm = true;
    c.feature_factors = FactorSource::constant;
  });
  for (const AttentionKind kind : {AttentionKind::gqa, tpa, mla}) {
    add(attention_kind_name(kind) + "_one_unrotated", kind, [](ModelConfig& c) { c.no_rope_layers = {1, 0}; });
  }
  for (const AttentionKind kind : {AttentionKind::gqa, tpa}) {
    add(attention_kind_name(kind) + "_gemma_block", kind, [=](ModelConfig& c) {
      first_slides(c);
      c.attention_sinks = 0;
      c.query_key_norm = c.post_norms = true;
      c.hidden_act = GateActivation::gelu_tanh;
      c.embedding_scale = 4.5;
      c.query_pre_attn_scalar = 7;
      c.rope_local_base_freq = 500;
      c.rope_scaling = {RopeScalingKind::linear, 8};
    });
  }
  add("tpa_post_norms_unweighted", tpa, [](ModelConfig& c) {
    c.post_norms = true;
    c.norm_weight = false;
  });
  return models;
}

}  // namespace t6
