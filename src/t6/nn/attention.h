// Attention of every kind: factors (or MLA's latents) to queries, keys and values, then one softmax.
#pragma once

#include <torch/torch.h>

#include "t6/model/config.h"
#include "t6/nn/compressed_query.h"
#include "t6/nn/factor_projection.h"

namespace t6 {

class SelfAttentionImpl : public torch::nn::Module {
 public:
  explicit SelfAttentionImpl(const ModelConfig& config);

  // x [B, T, C] normalized hidden states -> [B, T, C]. Causal.
  torch::Tensor forward(const torch::Tensor& x);

 private:
  struct Heads {
    torch::Tensor q, k, v;  // [B, T, H, D], [B, T, H or G, D], [B, T, H or G, E]
  };
  Heads project(const torch::Tensor& x);
  Heads project_latent(const torch::Tensor& x);
  torch::Tensor shift(const torch::Tensor& heads, const torch::Tensor& weights);

  ModelConfig config_;
  AttentionShape shape_;
  Rotary rotary_;
  CompressedQuery compressed_query_;  // mla, mfa
  FactorProjection q_proj_{nullptr}, k_proj_{nullptr}, v_proj_{nullptr};
  Norm q_norm_{nullptr}, k_norm_{nullptr};            // query_key_norm
  Linear latent_down_{nullptr}, latent_up_{nullptr};  // mla: C to d_c + d_r, d_c to H (D + E)
  Norm latent_norm_{nullptr};                         // [d_c]
  torch::Tensor k_shift_, v_shift_;                   // [2, H]: this token's weights, the previous one's
  Norm head_norm_{nullptr};                           // [E]
  Linear gate_proj_{nullptr}, o_proj_{nullptr};
};
TORCH_MODULE(SelfAttention);

}  // namespace t6
