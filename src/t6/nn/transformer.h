// The T6 block and model (section 3.3): pre-norm attention and SwiGLU on a residual stream; with post_norms, what they
// add is normalized too.
#pragma once

#include <torch/torch.h>

#include "t6/model/config.h"
#include "t6/nn/execution.h"
#include "t6/nn/layers/attention.h"
#include "t6/nn/layers/embedding.h"
#include "t6/nn/layers/feed_forward.h"

namespace t6 {

class BlockImpl : public torch::nn::Module {
 public:
  BlockImpl(const ModelConfig& config, int64_t layer, const Execution& execution);
  torch::Tensor forward(const torch::Tensor& x);  // [B, T, C] -> [B, T, C]

 private:
  torch::Tensor attend(const torch::Tensor& x);   // x and what attention adds to it
  torch::Tensor compute(const torch::Tensor& x);  // forward(), whatever is kept

  Execution execution_;
  Norm input_layernorm_;
  SelfAttention self_attn_;
  Norm feed_forward_norm_;
  FeedForward mlp_;
  Norm post_attention_norm_{nullptr}, post_feed_forward_norm_{nullptr};  // of post_norms
};
TORCH_MODULE(Block);

// named_parameters() are those of model/parameters.h. Values are undefined until initialize() or load_weights().
class TransformerImpl : public torch::nn::Module {
 public:
  explicit TransformerImpl(const ModelConfig& config, const Execution& execution = {});

  // tokens [B, T] int64 -> logits [B, T, V].
  torch::Tensor forward(const torch::Tensor& tokens);
  // Mean cross entropy in nats per token; targets [B, T] int64, -1 is not counted. Never holds all logits.
  torch::Tensor loss(const torch::Tensor& tokens, const torch::Tensor& targets);

  const ModelConfig& config() const { return config_; }

 private:
  struct Hidden {
    torch::Tensor x;              // [B, T, C], after the last norm, of the type of products
    torch::Tensor output_weight;  // [V, C]
  };
  Hidden hidden(const torch::Tensor& tokens);

  ModelConfig config_;
  Execution execution_;
  Embedding embed_tokens_{nullptr};
  torch::nn::ModuleList layers_;
  Norm norm_{nullptr};
  Linear lm_head_{nullptr};  // when embeddings are not tied
};
TORCH_MODULE(Transformer);

}  // namespace t6
