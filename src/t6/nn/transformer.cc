#include "t6/nn/transformer.h"

#include "t6/core/error.h"
#include "t6/model/parameters.h"
#include "t6/nn/layers/loss.h"
#include "t6/nn/layers/recomputed.h"

namespace t6 {
namespace {

// Of what the norms before products give; none: of what they get.
std::optional<torch::ScalarType> normed_type(const Execution& execution) {
  return execution.precision == Precision::bfloat16 ? std::optional(torch::kBFloat16) : std::nullopt;
}

Norm block_norm(const ModelConfig& config) { return Norm(config.hidden_size, config.rms_norm_eps, config.norm_weight); }

}  // namespace

BlockImpl::BlockImpl(const ModelConfig& config, int64_t layer, const Execution& execution)
    : execution_(execution),
      input_layernorm_(register_module("input_layernorm", block_norm(config))),
      self_attn_(register_module("self_attn", SelfAttention(config, layer, execution.attention))),
      feed_forward_norm_(register_module(feed_forward_norm_name(config), block_norm(config))),
      mlp_(register_module("mlp", FeedForward(config.hidden_size, config.feed_forward_dim(), config.hidden_act))) {
  if (!config.post_norms) return;
  post_attention_norm_ = register_module("post_attention_layernorm", block_norm(config));
  post_feed_forward_norm_ = register_module("post_feedforward_layernorm", block_norm(config));
}

torch::Tensor BlockImpl::forward(const torch::Tensor& x) {
  if (execution_.recompute != Recompute::layer) return compute(x);
  return recomputed([this](const torch::Tensor& input) { return compute(input); }, x);
}

torch::Tensor BlockImpl::attend(const torch::Tensor& x) {
  torch::Tensor added = self_attn_->forward(input_layernorm_->forward(x, normed_type(execution_)));
  if (post_attention_norm_) added = post_attention_norm_->forward(added);
  return x + added;
}

torch::Tensor BlockImpl::compute(const torch::Tensor& x) {
  const bool again = execution_.recompute == Recompute::attention;
  // With the sum in it, so that the gradients of x are added in the same order as without.
  const torch::Tensor attended =
      again ? recomputed([this](const torch::Tensor& input) { return attend(input); }, x) : attend(x);
  torch::Tensor added = mlp_->forward(feed_forward_norm_->forward(attended, normed_type(execution_)));
  if (post_feed_forward_norm_) added = post_feed_forward_norm_->forward(added);
  return attended + added;
}

TransformerImpl::TransformerImpl(const ModelConfig& config, const Execution& execution)
    : config_(config), execution_(execution) {
  check_config(config, "model");
  // The body is a module of its own only to give names Hugging Face's "model." prefix.
  auto body = register_module("model", std::make_shared<torch::nn::Module>("Body"));
  embed_tokens_ = body->register_module("embed_tokens", Embedding(config.vocab_size, config.hidden_size));
  layers_ = body->register_module("layers", torch::nn::ModuleList());
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) layers_->push_back(Block(config, i, execution));
  norm_ = body->register_module("norm", block_norm(config));
  if (!config.tie_word_embeddings) {
    lm_head_ = register_module("lm_head", Linear(config.hidden_size, config.vocab_size));
  }
}

TransformerImpl::Hidden TransformerImpl::hidden(const torch::Tensor& tokens) {
  require(tokens.dim() == 2, "tokens must be [batch, length], not of {} dimensions", tokens.dim());
  const EmbeddedTokens embedded = embed_tokens_->forward(tokens);
  torch::Tensor x = config_.embedding_scale == 1 ? embedded.rows : embedded.rows * config_.embedding_scale;
  for (const auto& layer : *layers_) x = layer->as<Block>()->forward(x);
  return {norm_->forward(x, normed_type(execution_)), lm_head_ ? lm_head_->weight : embedded.table};
}

torch::Tensor TransformerImpl::forward(const torch::Tensor& tokens) {
  const auto [x, output_weight] = hidden(tokens);
  return t6::linear(x, output_weight, output_weight.scalar_type());
}

torch::Tensor TransformerImpl::loss(const torch::Tensor& tokens, const torch::Tensor& targets) {
  require(targets.sizes() == tokens.sizes(), "targets have another shape than tokens");
  const auto [x, output_weight] = hidden(tokens);
  return linear_cross_entropy(x.flatten(0, 1), output_weight, targets.flatten());
}

}  // namespace t6
