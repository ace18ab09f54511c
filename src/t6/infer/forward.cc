#include "t6/infer/forward.h"

#include <algorithm>
#include <utility>

#include "t6/core/error.h"
#include "t6/infer/latent.h"
#include "t6/kernels/matmul.h"
#include "t6/kernels/pointwise.h"
#include "t6/model/norm_epsilons.h"

namespace t6 {
namespace {

float* sized(std::vector<float>& buffer, int64_t count) {
  if (buffer.size() < static_cast<size_t>(count)) buffer.resize(static_cast<size_t>(count));
  return buffer.data();
}

// Rows of `factors` from a token on.
FactorRowsOut rows_at(CachedFactors& factors, int64_t token) {
  return {factors.a.at(token), factors.b.at(token), factors.c.at(token)};
}

}  // namespace

ForwardPass::ForwardPass(std::shared_ptr<const Model> model)
    : model_(std::move(model)), rotary_(rotary_dim(model_->config()), model_->config().rope_theta) {}

void ForwardPass::check(std::span<const int32_t> tokens, const FactorCache& cache) const {
  const ModelConfig& config = model_->config();
  require(!tokens.empty(), "a forward pass needs at least one token");
  for (const int32_t id : tokens) {
    require(id >= 0 && id < config.vocab_size, "token id {} is outside the model's vocabulary of {}", id,
            config.vocab_size);
  }
  require(cache.fits(config), "the cache was made for another model");
}

void ForwardPass::normalize(const float* x, int64_t rows, const float* weight) {
  const ModelConfig& config = model_->config();
  rms_norm({.x = x,
            .weight = weight,
            .out = sized(normalized_, rows * config.hidden_size),
            .rows = rows,
            .width = config.hidden_size,
            .epsilon = static_cast<float>(config.rms_norm_eps)});
}

std::span<const float> ForwardPass::run(std::span<const int32_t> tokens, FactorCache& cache, Logits wanted) {
  check(tokens, cache);
  T_ = static_cast<int64_t>(tokens.size());
  start_ = cache.size();
  cache.reserve(T_);
  rotary_.extend(start_ + T_);
  const ModelConfig& config = model_->config();
  const int64_t C = config.hidden_size, V = config.vocab_size;
  float* hidden = sized(hidden_, T_ * C);
  for (int64_t t = 0; t < T_; ++t) {
    model_->embeddings().copy_row(tokens[static_cast<size_t>(t)], hidden + t * C);
  }
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const LayerWeights& layer = model_->layers()[static_cast<size_t>(i)];
    attend(layer, cache.layer(i));
    feed_forward(layer);
  }
  cache.advance(T_);
  if (wanted == Logits::none) return {};
  const int64_t rows = wanted == Logits::all ? T_ : 1;
  normalize(hidden + (T_ - rows) * C, rows, model_->final_norm());
  float* logits = sized(logits_, rows * V);
  matmul({.x = normalized_.data(), .w = &model_->output_head(), .y = logits, .T = rows});
  return {logits, static_cast<size_t>(rows * V)};
}

FactorView ForwardPass::prepare_queries(const LayerWeights& layer, const TokenRows& tokens) {
  const ModelConfig& config = model_->config();
  const FactorShape& shape = model_->shape().q;
  TokenRows from = tokens;
  if (layer.query_down) {
    float* compressed = sized(query_compressed_, T_ * config.q_lora_rank);
    compress(tokens, layer.query_down, layer.query_norm, compressed);
    from.x = compressed;
    from.width = config.q_lora_rank;
  }
  FactorRowsOut out;
  if (shape.head == HeadFactor::contextual) out.a = sized(query_a_, T_ * shape.head_numbers());
  if (shape.contextual_features) out.b = sized(query_b_, T_ * shape.rank * shape.base_features());
  if (shape.third > 1) out.c = sized(query_c_, T_ * shape.rank * shape.third);
  const FeatureFinish finish = {layer.q.norm, static_cast<float>(config.rms_norm_eps), &rotary_};
  if (config.attention_kind == AttentionKind::mla) {
    // The projection is narrower than the absorbed queries of `shape`.
    const int64_t width = config.num_attention_heads * (config.head_dim + config.qk_rope_head_dim);
    float* queries = sized(query_absorbed_, T_ * width);
    matmul({.x = from.x, .w = &layer.q.b, .y = queries, .T = T_});
    absorb_queries(config, layer.latent, rotary_, tokens, queries, out.b);
  } else {
    project_factors(shape, layer.q, config.head_activation, from, out);
    if (out.b) finish_features(shape, finish, from, out.b);
  }
  return factor_view(shape, layer.q, out, finish, start_, false);
}

// Keys and values of the tokens go into the cache; then one attention for every kind.
void ForwardPass::attend(const LayerWeights& layer, LayerCache& cache) {
  const ModelConfig& config = model_->config();
  const AttentionShape& shape = model_->shape();
  normalize(hidden_.data(), T_, layer.input_norm);
  const TokenRows tokens = {normalized_.data(), T_, config.hidden_size, start_};
  const bool shared = shape.values == ValueSource::key_factors;
  const FeatureFinish key_finish = {layer.k.norm, static_cast<float>(config.rms_norm_eps), &rotary_};
  const FactorRowsOut new_keys = rows_at(cache.k, start_), new_values = rows_at(cache.v, start_);
  if (shape.values == ValueSource::latent) {
    project_latents(config, layer.latent, rotary_, tokens, new_keys.b);
  } else {
    project_factors(shape.k, layer.k, config.head_activation, tokens, new_keys);
    project_factors(shape.v, layer.v, config.head_activation, tokens, new_values);
    if (new_keys.b && !shared) finish_features(shape.k, key_finish, tokens, new_keys.b);
  }

  Attention x;
  x.q = prepare_queries(layer, tokens);
  x.k = factor_view(shape.k, layer.k, rows_at(cache.k, 0), key_finish, 0, shared);
  x.v = factor_view(shape.v, layer.v, rows_at(cache.v, 0), {}, 0, false);
  if (shape.values != ValueSource::own) {
    x.v.b = x.k.b, x.v.b_stride = x.k.b_stride;
    x.v.c = x.k.c, x.v.c_stride = x.k.c_stride;
  }
  x.T = T_;
  x.start = start_;
  x.heads = config.num_attention_heads;
  x.logit_scale = static_cast<float>(attention_scale(config) * shape.q.scale() * shape.k.scale());
  x.value_scale = static_cast<float>(shape.v.scale());
  x.k_shift = layer.k_shift;
  x.v_shift = layer.v_shift;
  x.out = sized(attended_, T_ * x.heads * shape.v.features);
  attention(x);
  add_heads(layer, tokens);
}

// From the heads' outputs to the residual stream.
void ForwardPass::add_heads(const LayerWeights& layer, const TokenRows& tokens) {
  const ModelConfig& config = model_->config();
  const int64_t H = config.num_attention_heads, E = config.value_dim();
  float* heads = attended_.data();  // [T, H, E]
  if (model_->shape().values == ValueSource::latent) {
    heads = sized(expanded_, T_ * H * E);
    expand_values(config, layer.latent, T_, attended_.data(), heads);
  }
  if (layer.head_norm) {
    rms_norm({.x = heads,
              .weight = layer.head_norm,
              .out = heads,
              .rows = T_ * H,
              .width = E,
              .epsilon = static_cast<float>(kHeadEpsilon)});
  }
  if (layer.gate) {
    float* gate = sized(gate_, T_ * H * E);
    matmul({.x = tokens.x, .w = &layer.gate, .y = gate, .T = T_});
    sigmoid_gate(gate, heads, T_ * H * E);
  }
  matmul({.x = heads, .w = &layer.output, .y = hidden_.data(), .T = T_, .accumulate = true});
}

void ForwardPass::feed_forward(const LayerWeights& layer) {
  const int64_t F = model_->config().feed_forward_dim();
  normalize(hidden_.data(), T_, layer.feed_forward_norm);
  float *gate = sized(gate_, T_ * F), *up = sized(up_, T_ * F);
  const Matmul products[] = {{.x = normalized_.data(), .w = &layer.mlp_gate, .y = gate, .T = T_},
                             {.x = normalized_.data(), .w = &layer.mlp_up, .y = up, .T = T_}};
  matmul(products);
  silu_gate(gate, up, T_ * F);
  matmul({.x = gate, .w = &layer.mlp_down, .y = hidden_.data(), .T = T_, .accumulate = true});
}

}  // namespace t6
