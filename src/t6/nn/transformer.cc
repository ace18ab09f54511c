#include "t6/nn/transformer.h"

#include "t6/core/error.h"
#include "t6/model/parameters.h"
#include "t6/nn/layers/recomputed.h"
#include "t6/ops/linear_cross_entropy.h"

namespace t6 {
namespace {

// Of what the norms before products give; none: of what they get.
std::optional<torch::ScalarType> normed_type(const Execution& execution) {
  return execution.precision == Precision::bfloat16 ? std::optional(torch::kBFloat16) : std::nullopt;
}

Norm block_norm(const ModelConfig& config) { return Norm(config.hidden_size, config.rms_norm_eps, config.norm_weight); }

// Which tokens are a document's, [B, T] of truth values.
torch::Tensor within_documents(const torch::Tensor& lengths, int64_t length) {
  return torch::arange(length, lengths.device()).unsqueeze(0) < lengths.unsqueeze(1);
}

// What a classifier looks at of hidden states x [B, T, C]: [B, C].
torch::Tensor pooled(const torch::Tensor& x, const torch::Tensor& lengths, const torch::Tensor& within,
                     LabelPooling pooling) {
  if (pooling == LabelPooling::last) {
    const torch::Tensor last = (lengths - 1).view({-1, 1, 1}).expand({-1, 1, x.size(2)});
    return x.gather(1, last).squeeze(1);
  }
  const torch::Tensor shares = within.to(torch::kFloat) / lengths.unsqueeze(1);
  return torch::bmm(shares.unsqueeze(1), x).squeeze(1);
}

// Of pairs [2B, C], as Long Range Arena's retrieval has it: both, their product, their difference; [B, 4C].
torch::Tensor combined(const torch::Tensor& pairs) {
  const auto halves = pairs.chunk(2);
  return torch::cat({halves[0], halves[1], halves[0] * halves[1], halves[0] - halves[1]}, -1);
}

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

torch::Tensor BlockImpl::forward(const torch::Tensor& x, const torch::Tensor& tokens) {
  if (execution_.recompute != Recompute::layer) return compute(x, tokens);
  return recomputed([this, tokens](const torch::Tensor& input) { return compute(input, tokens); }, x);
}

torch::Tensor BlockImpl::attend(const torch::Tensor& x, const torch::Tensor& tokens) {
  torch::Tensor added = self_attn_->forward(input_layernorm_->forward(x, normed_type(execution_)), tokens);
  if (post_attention_norm_) added = post_attention_norm_->forward(added);
  return x + added;
}

torch::Tensor BlockImpl::compute(const torch::Tensor& x, const torch::Tensor& tokens) {
  const bool again = execution_.recompute == Recompute::attention;
  // With the sum in it, so that the gradients of x are added in the same order as without.
  const torch::Tensor attended =
      again ? recomputed([this, tokens](const torch::Tensor& input) { return attend(input, tokens); }, x)
            : attend(x, tokens);
  torch::Tensor added = mlp_->forward(feed_forward_norm_->forward(attended, normed_type(execution_)));
  if (post_feed_forward_norm_) added = post_feed_forward_norm_->forward(added);
  return attended + added;
}

TransformerImpl::TransformerImpl(const ModelConfig& config, const Execution& execution)
    : config_(config), execution_(execution) {
  check_config(config, "model");
  require(!config.bidirectional || execution.attention == AttentionPath::sdpa,
          "bidirectional attention is computed by sdpa alone");
  // The body is a module of its own only to give names Hugging Face's "model." prefix.
  auto body = register_module("model", std::make_shared<torch::nn::Module>("Body"));
  embed_tokens_ = body->register_module("embed_tokens", Embedding(config.vocab_size, config.hidden_size));
  layers_ = body->register_module("layers", torch::nn::ModuleList());
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) layers_->push_back(Block(config, i, execution));
  norm_ = body->register_module("norm", block_norm(config));
  if (config.is_classifier()) {
    classifier_ = register_module("classifier", Linear(config.classifier_inputs(), config.num_labels));
  }
  if (config.has_output_matrix()) {
    lm_head_ = register_module("lm_head", Linear(config.hidden_size, config.vocab_size));
  }
}

TransformerImpl::Hidden TransformerImpl::hidden(const torch::Tensor& tokens, const torch::Tensor& within) {
  require(tokens.dim() == 2, "tokens must be [batch, length], not of {} dimensions", tokens.dim());
  const EmbeddedTokens embedded = embed_tokens_->forward(tokens);
  torch::Tensor x = config_.embedding_scale == 1 ? embedded.rows : embedded.rows * config_.embedding_scale;
  for (const auto& layer : *layers_) x = layer->as<Block>()->forward(x, within);
  // What a classifier averages stays float32.
  return {norm_->forward(x, config_.is_classifier() ? std::nullopt : normed_type(execution_)), embedded.table};
}

torch::Tensor TransformerImpl::forward(const torch::Tensor& tokens) {
  const auto [x, table] = hidden(tokens);
  const torch::Tensor weight = output_weight(table);
  return t6::linear(x, weight, weight.scalar_type());
}

torch::Tensor TransformerImpl::loss(const torch::Tensor& tokens, const torch::Tensor& targets) {
  require(targets.sizes() == tokens.sizes(), "targets have another shape than tokens");
  const auto [x, table] = hidden(tokens);
  return linear_cross_entropy(x.flatten(0, 1), output_weight(table), targets.flatten());
}

torch::Tensor TransformerImpl::classify(const torch::Tensor& tokens, const torch::Tensor& lengths) {
  require(config_.is_classifier(), "this model has no classes");
  require(lengths.dim() == 1 && tokens.dim() == 2 && lengths.size(0) == tokens.size(0),
          "wanted are tokens [batch, length] and as many lengths as rows");
  const torch::Tensor within = within_documents(lengths, tokens.size(1));
  const torch::Tensor x = hidden(tokens, within).x;
  const torch::Tensor documents = pooled(x, lengths, within, config_.label_pooling);
  return classifier_->forward(config_.label_pairs ? combined(documents) : documents);
}

torch::Tensor TransformerImpl::output_weight(const torch::Tensor& table) const {
  require(!config_.is_classifier(), "this model is a classifier and has no output head");
  return lm_head_ ? lm_head_->weight : table;
}

}  // namespace t6
