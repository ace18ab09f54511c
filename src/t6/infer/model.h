// A model ready to run: its configuration and where each layer's weights lie.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "t6/infer/key_bias.h"
#include "t6/infer/weights.h"
#include "t6/model/config.h"
#include "t6/model/factors.h"
#include "t6/model/layer_attention.h"

namespace t6 {

// What makes queries, keys or values: matrices of what depends on the token, values of what does not. Null: absent.
struct FactorWeights {
  WeightMatrix a;                     // [R H, C]
  WeightMatrix b;                     // [R D, C]; [R D / third, C] for third order
  WeightMatrix c;                     // [R third, C]
  const float* constant_a = nullptr;  // [R, H]
  const float* constant_b = nullptr;  // [R, D]
  const float* head_bias = nullptr;   // [R H], of a
  const float* bias = nullptr;        // [R D], of b
  const float* norm = nullptr;        // [D], of query_key_norm
};

// MLA's keys and values, made from one latent vector per token.
struct LatentWeights {
  WeightMatrix down;                   // [d_c + d_r, C]
  const float* norm = nullptr;         // [d_c]
  std::vector<WeightMatrix> key_up;    // H of [d_c, D]: transposed, to move onto the queries (absorbed form)
  std::vector<WeightMatrix> value_up;  // H of [E, d_c]
};

struct LayerWeights {
  const float* input_norm = nullptr;              // [C]
  WeightMatrix query_down;                        // [d_q, C] of compressed queries (mla, mfa)
  const float* query_norm = nullptr;              // [d_q]
  FactorWeights q, k, v;                          // of mla only q.b, [H (D + d_r), d_q]
  LatentWeights latent;                           // of mla
  KeyBias key_bias;                               // the part of the keys' bias that is not in k.bias
  const float* value_bias = nullptr;              // [R_V E]; the values' bias where it is added to what attention gives
  const float* k_shift = nullptr;                 // [2, H]
  const float* v_shift = nullptr;                 // [2, H]
  const float* head_norm = nullptr;               // [E]
  WeightMatrix gate;                              // [H E, C]
  WeightMatrix output;                            // [C, H E]
  const float* output_bias = nullptr;             // [C]
  const float* post_attention_norm = nullptr;     // [C], of post_norms
  const float* post_feed_forward_norm = nullptr;  // [C], of post_norms
  const float* feed_forward_norm = nullptr;       // [C]
  WeightMatrix mlp_gate, mlp_up, mlp_down;        // [F, C], [F, C], [C, F]
};

// Not changed by running: one model may serve many sequences and threads. Matrices stay in the type in which they were
// stored; vectors and constants are float32.
class Model {
 public:
  // Copies what it needs of the weights.
  Model(Context& context, const ModelConfig& config, const Weights& weights);

  const ModelConfig& config() const { return config_; }
  const AttentionShape& shape() const { return shape_; }
  const std::vector<LayerWeights>& layers() const { return layers_; }
  const WeightMatrix& embeddings() const { return embeddings_; }  // [V, C]
  int64_t weight_bytes() const;                                   // of all matrices, as they lie in memory
  const float* final_norm() const { return final_norm_; }         // [C]; null without norm weights
  const WeightMatrix& output_head() const {
    return config_.tie_word_embeddings ? embeddings_ : output_head_;
  }  // [V, C]

 private:
  // The parameter as float32 in memory of this model; null when it has none of this name.
  const float* keep(const Weights& weights, const std::string& name);
  LayerWeights layer_weights(Context& context, const Weights& weights, int64_t layer);
  FactorWeights factor_weights(Context& context, const Weights& weights, const std::string& self,
                               const std::string& letter, const FactorShape& shape);
  void hold_biases(const Weights& weights, const std::string& self, const Rotation& rotation, LayerWeights& layer);
  LatentWeights latent_weights(Context& context, const Weights& weights, const std::string& self);

  ModelConfig config_;
  AttentionShape shape_;
  std::vector<std::vector<float>> numbers_;
  std::vector<LayerWeights> layers_;
  WeightMatrix embeddings_, output_head_;
  const float* final_norm_ = nullptr;
};

}  // namespace t6
