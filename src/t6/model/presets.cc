#include "t6/model/presets.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/model/costs.h"

namespace t6 {
namespace {

struct Entry {
  AttentionKind kind;
  int64_t heads;         // 0: as many as make the attention as large as MHA's
  bool grouped = false;  // KV-only TPA of rank 1 that begins as MQA

  std::string name() const { return grouped ? "tpa_grouped" : attention_kind_name(kind); }
};

struct Size {
  const char* name;
  int64_t layers, width, head_dim, vocab, context;
  int64_t latent, query_latent, rope_dim;  // d_c, d_q, d_r of MLA; d_q of MFA
  std::vector<Entry> kinds;
};

using enum AttentionKind;

std::vector<Entry> every_kind(int64_t mha_heads) {
  return {{mha, mha_heads}, {mqa, 0}, {gqa, 0}, {mfa, 0}, {mla, 0}, {tpa, 0}, {tpa_kvonly, 0}, {tpa_kvonly, 0, true}};
}

// nano and micro: bytes as tokens. The rest: tables 9 and 10, whose heads are the paper's.
const std::vector<Size>& sizes() {
  // clang-format off
  static const std::vector<Size> table = {
      // name   layers  width  head_dim  vocab  context   d_c   d_q  d_r, heads of each kind
      {"nano",       6,   128,       32,   257,     256,   48,   96,  16, every_kind(4)},
      {"micro",      8,   320,       64,   257,     512,  120,  240,  32, every_kind(5)},
      {"small",     12,   768,       64, 50304,    1024,  256,  512,  32,
       {{mha, 12}, {mqa, 23}, {gqa, 22}, {mla, 12}, {tpa, 34}, {tpa_kvonly, 22}}},
      {"medium",    24,  1024,       64, 50304,    1024,  512, 1024,  32,
       {{mha, 16}, {mqa, 31}, {gqa, 30}, {mla, 23}, {tpa, 47}, {tpa_kvonly, 29}}},
      {"large",     36,  1280,       64, 50304,    1024,  512, 1024,  32,
       {{mha, 20}, {mqa, 39}, {gqa, 38}, {mla, 34}, {tpa, 61}, {tpa_kvonly, 37}}},
      {"xl",        48,  1600,       64, 50304,    1024,  512, 1024,  32,
       {{mha, 25}, {mqa, 49}, {gqa, 48}, {mla, 49}, {tpa, 78}, {tpa_kvonly, 47}}}};
  // clang-format on
  return table;
}

ModelConfig base_config(const Size& size, const Entry& entry) {
  const AttentionKind kind = entry.kind;
  ModelConfig config;
  config.vocab_size = size.vocab;
  config.hidden_size = size.width;
  config.num_hidden_layers = size.layers;
  config.head_dim = size.head_dim;
  config.max_position_embeddings = size.context;
  config.attention_kind = kind;
  config.norm_weight = false;
  if (kind == gqa) config.num_key_value_heads = 2;
  if (kind == mla || kind == mfa) config.q_lora_rank = size.query_latent;
  if (kind == mla) {
    config.kv_lora_rank = size.latent;
    config.qk_rope_head_dim = size.rope_dim;
  }
  if (entry.grouped) {
    config.k_rank = config.v_rank = 1;
    config.head_factor_bias = true;
    config.factor_init = FactorInit::grouped;
    config.head_factor_init_scale = 0.1;
  }
  return config;
}

ModelConfig build(const Size& size, const Entry& entry) {
  ModelConfig config = base_config(size, entry);
  config.num_attention_heads = entry.heads;
  if (entry.heads > 0) return config;
  // Heads come in steps; the feed-forward takes up what they leave, so that all kinds have the same size.
  const ModelConfig reference = build(size, size.kinds.front());
  fit_heads(config, attention_parameters(reference));
  fit_feed_forward(config, parameter_count(reference));
  return config;
}

const Size* find(const std::string& name, const Entry** found) {
  for (const Size& size : sizes()) {
    for (const Entry& entry : size.kinds) {
      if (name == std::string(size.name) + "-" + entry.name()) {
        *found = &entry;
        return &size;
      }
    }
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Size& size : sizes()) {
    for (const Entry& entry : size.kinds) names.push_back(std::string(size.name) + "-" + entry.name());
  }
  return names;
}

bool is_preset(const std::string& name) {
  const Entry* entry = nullptr;
  return find(name, &entry) != nullptr;
}

ModelConfig preset(const std::string& name) {
  const Entry* entry = nullptr;
  const Size* size = find(name, &entry);
  require(size != nullptr, "no preset is called \"{}\"; there are {}", name, fmt::join(preset_names(), ", "));
  ModelConfig config = build(*size, *entry);
  check_config(config, "preset " + name);
  return config;
}

}  // namespace t6
