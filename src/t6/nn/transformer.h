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
  // [B, T, C] -> [B, T, C]; `tokens`, [B, T] of truth values or undefined, as for SelfAttention.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& tokens);

 private:
  // x and what attention adds to it; forward(), whatever is kept.
  torch::Tensor attend(const torch::Tensor& x, const torch::Tensor& tokens);
  torch::Tensor compute(const torch::Tensor& x, const torch::Tensor& tokens);

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

  // tokens [B, T] int64 -> logits [B, T, V]. This and loss() are for language models, classify() for classifiers.
  torch::Tensor forward(const torch::Tensor& tokens);
  // Mean cross entropy in nats per token; targets [B, T] int64, -1 is not counted. Never holds all logits.
  torch::Tensor loss(const torch::Tensor& tokens, const torch::Tensor& targets);

  // Logits of the classes, [B, classes]. tokens [B, T] int64, of which the first lengths[b] (int64 [B], each at least
  // 1) of row b are its document's; of pairs both have 2B rows, first all first documents, then all second ones. What
  // follows a document's last token changes nothing.
  torch::Tensor classify(const torch::Tensor& tokens, const torch::Tensor& lengths);

  const ModelConfig& config() const { return config_; }
  torch::Device device() const { return embed_tokens_->weight.device(); }  // of the parameters

 private:
  struct Hidden {
    torch::Tensor x;      // [B, T, C], after the last norm, of the type of products; of classifiers float32
    torch::Tensor table;  // [V, C], of the embeddings
  };
  Hidden hidden(const torch::Tensor& tokens, const torch::Tensor& within = {});
  torch::Tensor output_weight(const torch::Tensor& table) const;  // [V, C]

  ModelConfig config_;
  Execution execution_;
  Embedding embed_tokens_{nullptr};
  torch::nn::ModuleList layers_;
  Norm norm_{nullptr};
  Linear lm_head_{nullptr};     // when embeddings are not tied
  Linear classifier_{nullptr};  // of classifiers
};
TORCH_MODULE(Transformer);

}  // namespace t6
