// The one idea: queries, keys and values of every kind are sums of outer products of head factors a and
// feature factors b (section 4). This page says, for a configuration, which of them are constants and which
// depend on the token; shapes of parameters, the cache and its bytes, and the kernels' arguments all follow
// from it.
#pragma once

#include <cstdint>
#include <vector>

#include "t6/model/config.h"

namespace t6 {

enum class HeadFactor {
  grouped,    // head h takes feature factor h / (H / R), unscaled: one-hot for MHA, a group's mask for GQA,
              // ones for MQA
  constant,   // learned, [R, H]
  contextual  // W_a x, [T, R, H]
};

// One of q, k, v. The product for a token is scale() sum_r a_r (outer) b_r.
struct FactorShape {
  int64_t rank = 1;      // R
  int64_t heads = 1;     // H
  int64_t features = 1;  // D, or E for values
  HeadFactor head = HeadFactor::grouped;
  bool head_bias = false;  // contextual head factors are c + W_a x, with c [R, H]
  bool contextual_features = true;
  int64_t third = 1;  // d_c; b_r = vec(b'_r (outer) c_r) when above 1

  int64_t base_features() const { return features / third; }  // d_b
  double scale() const { return head == HeadFactor::grouped ? 1.0 : 1.0 / static_cast<double>(rank); }
  int64_t head_numbers() const { return head == HeadFactor::contextual ? rank * heads : 0; }
  int64_t feature_numbers() const {
    if (!contextual_features) return 0;
    return third > 1 ? rank * (base_features() + third) : rank * features;
  }
};

// Where the values' feature factors come from.
enum class ValueSource {
  own,
  key_factors,  // shared B: the keys' factors before rotation, cached once and rotated on use
  latent        // MLA: the first kv_lora_rank numbers of the cached key
};

struct AttentionShape {
  FactorShape q, k, v;
  ValueSource values = ValueSource::own;
  int64_t query_compression = 0;  // d_q: queries are a linear map of RMSNorm(W x), [T, d_q]; 0: of x itself

  // Numbers cached for a token and layer (Table 1): what is contextual, once.
  int64_t cache_numbers() const;
};

// For MLA this is the absorbed form: MQA over the latent, keys [c; k_rope], values c.
AttentionShape attention_shape(const ModelConfig& config);

// Features that rotate: the first of each b (of b' for third order), an even number. For MLA:
// qk_rope_head_dim.
int64_t rotary_dim(const ModelConfig& config);

// What logits of queries and keys as materialized are multiplied by: 1 / sqrt(features of a key), or of
// query_pre_attn_scalar where it is given.
double attention_scale(const ModelConfig& config);
// What logits of their factors are multiplied by: the ranks' 1 / (R_Q R_K), too. That of values is shape.v.scale().
double logit_scale(const ModelConfig& config, const AttentionShape& shape);

}  // namespace t6
