// Attention of every kind: factors (or MLA's latents) to queries, keys and values, then one softmax.
#pragma once

#include <torch/torch.h>

#include "t6/model/layer_attention.h"
#include "t6/nn/attention_path.h"
#include "t6/nn/layers/compressed_query.h"
#include "t6/nn/layers/factor_projection.h"

namespace t6 {

class SelfAttentionImpl : public torch::nn::Module {
 public:
  SelfAttentionImpl(const ModelConfig& config, int64_t layer, AttentionPath path);

  // x [B, T, C] normalized hidden states -> [B, T, C], float32 of bfloat16. Causal; of a bidirectional model, whose
  // path is sdpa, all that `tokens`, [B, T] of truth values, has as tokens is seen. Other models do not look at it.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& tokens);

 private:
  struct Products {
    TensorProduct q, k, v;
  };
  Products project(const torch::Tensor& x);
  Products project_latent(const torch::Tensor& x);
  TensorProduct shift(const TensorProduct& product, const torch::Tensor& weights);
  // The heads' outputs, [B, T, H, E].
  torch::Tensor attend_fused(const Products& products, int64_t batch, int64_t length);
  torch::Tensor attend_formed(const Products& products, int64_t batch, int64_t length, const torch::Tensor& tokens);

  ModelConfig config_;
  AttentionPath path_;
  AttentionShape shape_;
  LayerAttention layer_;
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
