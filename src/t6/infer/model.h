// A model ready to run: its configuration and where each layer's weights lie.
#pragma once

#include <cstdint>
#include <vector>

#include "t6/infer/weights.h"
#include "t6/model/config.h"
#include "t6/model/factors.h"

namespace t6 {

// What makes queries, keys or values: weights of what depends on the token, values of what does not. Null: absent.
struct FactorWeights {
  const float* a = nullptr;     // [R H, C], or constants [R, H]
  const float* b = nullptr;     // [R D, C] ([R D / third, C] for third order), or constants [R, D]
  const float* c = nullptr;     // [R third, C]
  const float* norm = nullptr;  // [D], of query_key_norm
};

// MLA's keys and values, made from one latent vector a token.
struct LatentWeights {
  const float* down = nullptr;  // [d_c + d_r, C]
  const float* norm = nullptr;  // [d_c]
  const float* up = nullptr;    // [H, D + E, d_c]: each head's keys, then its values
  std::vector<float> key_up;    // [H, d_c, D]: the keys' part transposed, to move onto the queries (absorbed form)
};

struct LayerWeights {
  const float* input_norm = nullptr;                                        // [C]
  const float* query_down = nullptr;                                        // [d_q, C] of compressed queries (mla, mfa)
  const float* query_norm = nullptr;                                        // [d_q]
  FactorWeights q, k, v;                                                    // of mla only q.b, [H (D + d_r), d_q]
  LatentWeights latent;                                                     // of mla
  const float* k_shift = nullptr;                                           // [2, H]
  const float* v_shift = nullptr;                                           // [2, H]
  const float* head_norm = nullptr;                                         // [E]
  const float* gate = nullptr;                                              // [H E, C]
  const float* output = nullptr;                                            // [C, H E]
  const float* feed_forward_norm = nullptr;                                 // [C]
  const float *mlp_gate = nullptr, *mlp_up = nullptr, *mlp_down = nullptr;  // [F, C], [F, C], [C, F]
};

// Not changed by running: one model may serve many sequences and threads.
class Model {
 public:
  Model(const ModelConfig& config, Weights weights);

  const ModelConfig& config() const { return config_; }
  const AttentionShape& shape() const { return shape_; }
  const std::vector<LayerWeights>& layers() const { return layers_; }
  const float* embeddings() const { return embeddings_; }    // [V, C]
  const float* final_norm() const { return final_norm_; }    // [C]; null without norm weights
  const float* output_head() const { return output_head_; }  // [V, C]

 private:
  LayerWeights layer_weights(int64_t layer) const;

  ModelConfig config_;
  AttentionShape shape_;
  Weights weights_;
  std::vector<LayerWeights> layers_;
  const float *embeddings_, *final_norm_, *output_head_;
};

}  // namespace t6
