#include "t6/infer/forward.h"

#include <algorithm>
#include <utility>

#include "t6/core/error.h"
#include "t6/infer/forward/latent.h"
#include "t6/kernels/gated_matmul.h"
#include "t6/kernels/matmul.h"
#include "t6/kernels/pointwise.h"
#include "t6/model/norm_epsilons.h"

namespace t6 {
namespace {

int64_t logit_rows(const Step& step) {
  if (step.logits == Logits::none) return 0;
  return step.logits == Logits::last ? 1 : static_cast<int64_t>(step.tokens.size());
}

// Of the step's last tokens, how many go on after the last layer's attention.
int64_t kept_rows(const Step& step) {
  return step.hidden_states ? static_cast<int64_t>(step.tokens.size()) : logit_rows(step);
}

// Room for what a projection makes of T tokens.
FactorRowsOut sized_rows(const FactorShape& shape, bool features, int64_t T, AlignedBuffer& a, AlignedBuffer& b,
                         AlignedBuffer& c) {
  FactorRowsOut out;
  if (shape.head == HeadFactor::contextual) out.a = a.reserve(T * shape.head_numbers());
  if (features && shape.contextual_features) out.b = b.reserve(T * shape.rank * shape.base_features());
  if (features && shape.third > 1) out.c = c.reserve(T * shape.rank * shape.third);
  return out;
}

}  // namespace

ForwardPass::ForwardPass(Context& context, std::shared_ptr<const Model> model)
    : context_(context), model_(std::move(model)) {
  std::vector<Rotation> rotations;
  for (int64_t i = 0; i < model_->config().num_hidden_layers; ++i) {
    layers_.push_back(layer_attention(model_->config(), i));
    const Rotation& rotation = layers_.back().rotation;
    const auto known = std::ranges::find(rotations, rotation);
    rotary_of_.push_back(static_cast<size_t>(known - rotations.begin()));
    if (known != rotations.end()) continue;
    rotations.push_back(rotation);
    rotaries_.push_back(rotary_table(rotation));
  }
}

ForwardPass::Layer ForwardPass::layer(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  return {model_->layers()[i], layers_[i], rotaries_[rotary_of_[i]]};
}

void ForwardPass::check(const Step& step) const {
  const ModelConfig& config = model_->config();
  require(!step.tokens.empty(), "a forward pass needs at least one token");
  for (const int32_t id : step.tokens) {
    require(id >= 0 && id < config.vocab_size, "token id {} is outside the model's vocabulary of {}", id,
            config.vocab_size);
  }
  require(step.cache->fits(config), "the cache was made for another model");
}

RmsNorm ForwardPass::norm_of(const float* x, int64_t rows, const float* weight) const {
  const ModelConfig& config = model_->config();
  return {.x = x,
          .weight = weight,
          .rows = rows,
          .width = config.hidden_size,
          .epsilon = static_cast<float>(config.rms_norm_eps)};
}

void ForwardPass::normalize(const float* x, int64_t rows, const float* weight) {
  RmsNorm norm = norm_of(x, rows, weight);
  norm.out = normalized_.reserve(rows * norm.width);
  rms_norm(context_, norm);
}

// The hidden states of the rows that are read, as Matmul::tiles.
const uint16_t* ForwardPass::normalize_to_tiles(const float* weight) {
  const int64_t C = model_->config().hidden_size, rows = T_ - written_;
  RmsNorm norm = norm_of(hidden_.data() + written_ * C, rows, weight);
  norm.tiles = reserve_halves(normalized_tiles_, tiled_numbers(rows, C));
  rms_norm(context_, norm);
  return norm.tiles;
}

// Where each sequence's tokens are among the rows, and their embeddings.
void ForwardPass::place_tokens(std::span<const Step> steps) {
  steps_.assign(steps.begin(), steps.end());
  first_rows_.clear();
  positions_.clear();
  for (const Step& step : steps) {
    first_rows_.push_back(static_cast<int64_t>(positions_.size()));
    for (size_t t = 0; t < step.tokens.size(); ++t) {
      positions_.push_back(step.cache->size() + static_cast<int64_t>(t));
    }
    for (RotaryTable& rotary : rotaries_) rotary.extend(positions_.back() + 1);
  }
  T_ = static_cast<int64_t>(positions_.size());
  written_ = 0;
  for (const Step& step : steps) written_ += step.reading ? 0 : std::ssize(step.tokens);
  const int64_t C = model_->config().hidden_size;
  float* row = hidden_.reserve(T_ * C);
  for (const Step& step : steps) {
    for (const int32_t id : step.tokens) model_->embeddings().copy_row(id, row), row += C;
  }
  if (const double scale = model_->config().embedding_scale; scale != 1) {
    for (float* x = hidden_.data(); x < row; ++x) *x *= static_cast<float>(scale);
  }
}

bool ForwardPass::rounds_reading() { return has_bfloat_attention() || has_bfloat_matmul(); }

std::span<const float> ForwardPass::run(std::span<const int32_t> tokens, FactorCache& cache, Logits wanted) {
  const Step step = {tokens, &cache, wanted};
  return run({&step, 1}).all;
}

StepLogits ForwardPass::run(std::span<const Step> steps) {
  require(!steps.empty(), "a forward pass needs at least one sequence");
  for (const Step& step : steps) check(step);
  require(std::ranges::is_sorted(steps, {}, &Step::reading), "steps that read come after those that do not");
  for (const Step& step : steps) step.cache->reserve(static_cast<int64_t>(step.tokens.size()));
  place_tokens(steps);
  const ModelConfig& config = model_->config();
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    attend(i);
    if (i + 1 == config.num_hidden_layers) keep_wanted_rows();
    if (T_ > 0) feed_forward(model_->layers()[static_cast<size_t>(i)]);
  }
  for (const Step& step : steps) step.cache->advance(static_cast<int64_t>(step.tokens.size()));
  return output_logits();
}

// Products of the normalized hidden states. Moves their pointers.
void ForwardPass::multiply_normalized(const float* weight, std::span<Matmul> products) {
  const bool tiles = written_ < T_ && std::ranges::all_of(products, [](Matmul product) {
                       product.bfloats = true;
                       return multiplies_bfloats(product);
                     });
  normalize(hidden_.data(), tiles ? written_ : T_, weight);
  multiply(products, written_, tiles ? normalize_to_tiles(weight) : nullptr);
}

// All products of one x, of whose rows the first `written` are of steps that do not read; the others may be in `tiles`.
// Moves their pointers.
void ForwardPass::multiply(std::span<Matmul> products, int64_t written, const uint16_t* tiles) {
  if (products.empty()) return;
  const int64_t rows = products.front().T;
  if (written > 0) {
    for (Matmul& product : products) product.T = written;
    matmul(context_, products);
  }
  if (written == rows) return;
  for (Matmul& product : products) {
    product.x += written * (product.x_stride ? product.x_stride : product.w->columns());
    product.y += written * (product.y_stride ? product.y_stride : product.w->rows());
    product.T = rows - written;
    product.bfloats = true;
    if (tiles) product.tiles = tiles;
  }
  matmul(context_, products);
}

// What nobody asks for ends with the keys and values that it left in the caches.
void ForwardPass::keep_wanted_rows() {
  const int64_t C = model_->config().hidden_size;
  T_ = written_ = 0;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const int64_t count = kept_rows(steps_[i]);
    const float* from = hidden_.data() + (first_rows_[i] + std::ssize(steps_[i].tokens) - count) * C;
    std::copy_n(from, count * C, hidden_.data() + T_ * C);
    first_rows_[i] = T_;
    T_ += count;
    if (!steps_[i].reading) written_ = T_;
  }
}

// The output head for the tokens whose logits are wanted.
StepLogits ForwardPass::output_logits() {
  const int64_t V = model_->config().vocab_size;
  int64_t rows = 0, written = 0;
  logit_positions_.assign(1, 0);
  for (const Step& step : steps_) {
    rows += logit_rows(step);
    if (!step.reading) written = rows;
    logit_positions_.push_back(static_cast<size_t>(rows * V));
  }
  if (rows == 0) return {{}, logit_positions_};
  normalize(rows == T_ ? hidden_.data() : wanted_rows(rows), rows, model_->final_norm());
  float* logits = logits_.reserve(rows * V);
  Matmul head = {.x = normalized_.data(), .w = &model_->output_head(), .y = logits, .T = rows};
  multiply({&head, 1}, written);
  return {{logits, static_cast<size_t>(rows * V)}, logit_positions_};
}

std::span<const float> ForwardPass::hidden_states(size_t step) {
  require(step < steps_.size(), "the last run had {} steps, there is no step {}", steps_.size(), step);
  require(steps_[step].hidden_states, "step {} of the last run did not ask for hidden states", step);
  const int64_t C = model_->config().hidden_size;
  const auto rows = static_cast<int64_t>(steps_[step].tokens.size());
  normalize(hidden_.data() + first_rows_[step] * C, rows, model_->final_norm());
  return {normalized_.data(), static_cast<size_t>(rows * C)};
}

// The hidden states of those tokens, the last ones of their steps.
const float* ForwardPass::wanted_rows(int64_t rows) {
  const int64_t C = model_->config().hidden_size;
  float* to = wanted_.reserve(rows * C);
  for (size_t i = 0; i < steps_.size(); ++i) {
    const int64_t count = logit_rows(steps_[i]);
    const int64_t first = first_rows_[i] + kept_rows(steps_[i]) - count;
    to = std::copy_n(hidden_.data() + first * C, count * C, to);
  }
  return wanted_.data();
}

// Norm and rotation of queries or keys.
FeatureFinish ForwardPass::finish(const Layer& layer, const FactorWeights& weights) const {
  return {weights.norm, static_cast<float>(model_->config().rms_norm_eps), &layer.rotary};
}

// All products of the normalized hidden states at once; tokens.x is where they are.
ForwardPass::Projected ForwardPass::project(const Layer& in, const TokenRows& tokens) {
  const ModelConfig& config = model_->config();
  const LayerWeights& layer = in.weights;
  const AttentionShape& shape = model_->shape();
  const bool own = shape.values == ValueSource::own, latent = shape.values == ValueSource::latent;
  const Projected out = {sized_rows(shape.q, true, T_, query_a_, query_b_, query_c_),
                         sized_rows(shape.k, true, T_, key_a_, key_b_, key_c_),
                         sized_rows(shape.v, own, T_, value_a_, value_b_, value_c_)};
  products_.clear();
  if (!layer.query_down) add_products(layer.q, tokens, out.q, products_);
  if (!latent) {
    add_products(layer.k, tokens, out.k, products_);
    add_products(layer.v, tokens, out.v, products_);
  }
  if (layer.gate) {
    products_.push_back({.x = tokens.x, .w = &layer.gate, .y = head_gate_.reserve(T_ * layer.gate.rows()), .T = T_});
  }
  if (layer.query_down || latent) {  // multiply more than these
    normalize(hidden_.data(), T_, layer.input_norm);
    multiply(products_, written_);
  } else {
    multiply_normalized(layer.input_norm, products_);
  }

  if (layer.query_down) {
    project_compressed(in, tokens, out.q);
  } else {
    finish_factors(context_, shape.q, config.head_activation, finish(in, layer.q), tokens, out.q, false);
  }
  if (latent) {
    project_latents(context_, config, layer.latent, in.rotary, tokens, out.k.b);
  } else {
    finish_factors(context_, shape.k, config.head_activation, finish(in, layer.k), tokens, out.k, !own);
    finish_factors(context_, shape.v, config.head_activation, {}, tokens, out.v, true);
  }
  return out;
}

// The queries of MLA and MFA.
void ForwardPass::project_compressed(const Layer& in, const TokenRows& tokens, const FactorRowsOut& queries) {
  const ModelConfig& config = model_->config();
  const LayerWeights& layer = in.weights;
  TokenRows from = tokens;
  float* compressed = query_compressed_.reserve(T_ * config.q_lora_rank);
  compress(context_, tokens, layer.query_down, layer.query_norm, compressed);
  from.x = compressed;
  from.width = config.q_lora_rank;
  if (model_->shape().values == ValueSource::latent) {
    // The projection is narrower than the absorbed queries.
    float* rows = query_absorbed_.reserve(T_ * layer.q.b.rows());
    Matmul product = {.x = from.x, .w = &layer.q.b, .y = rows, .T = T_};
    multiply({&product, 1}, written_);
    return absorb_queries(context_, config, layer.latent, in.rotary, tokens, rows, queries.b);
  }
  products_.clear();
  add_products(layer.q, from, queries, products_);
  multiply(products_, written_);
  finish_factors(context_, model_->shape().q, config.head_activation, finish(in, layer.q), from, queries, false);
}

// Keys and values of the tokens go into their caches.
void ForwardPass::write_cache(int64_t layer, const Projected& factors) {
  const AttentionShape& shape = model_->shape();
  for (size_t i = 0; i < steps_.size(); ++i) {
    const auto from = [&](const FactorShape& kind, const FactorRowsOut& rows) {
      const int64_t row = first_rows_[i];
      return NewFactors{rows.a ? rows.a + row * kind.head_numbers() : nullptr,
                        rows.b ? rows.b + row * kind.rank * kind.base_features() : nullptr,
                        rows.c ? rows.c + row * kind.rank * kind.third : nullptr};
    };
    steps_[i].cache->write(context_, layer, static_cast<int64_t>(steps_[i].tokens.size()), from(shape.k, factors.k),
                           from(shape.v, factors.v));
  }
}

Attention ForwardPass::sequence_attention(const Layer& in, int64_t index, size_t sequence,
                                          const FactorRowsOut& queries) {
  const ModelConfig& config = model_->config();
  const LayerWeights& layer = in.weights;
  const AttentionShape& shape = model_->shape();
  const FactorCache& cache = *steps_[sequence].cache;
  const int64_t row = first_rows_[sequence];
  Attention x;
  x.T = static_cast<int64_t>(steps_[sequence].tokens.size());
  x.start = cache.size();
  x.heads = config.num_attention_heads;
  x.window = in.attention.window;
  x.sinks = in.attention.sinks;
  x.q = query_view(shape.q, layer.q, queries, finish(in, layer.q), x.start);
  if (x.q.a) x.q.a += row * x.q.a_stride;
  x.q.b += row * x.q.b_stride;
  if (x.q.c) x.q.c += row * x.q.c_stride;
  const CachedViews cached = cached_views(shape, cache.layer(index), cache.pages(index));
  x.k = cached.k;
  x.v = cached.v;
  complete_view(shape.k, layer.k, finish(in, layer.k), shape.values == ValueSource::key_factors, x.k);
  complete_view(shape.v, layer.v, {}, false, x.v);
  if (shape.values != ValueSource::own) x.v.b = x.k.b;
  x.logit_scale = static_cast<float>(logit_scale(config, shape));
  x.value_scale = static_cast<float>(shape.v.scale());
  x.k_bias = layer.key_bias.view(in.rotary.dim() > 0 ? in.rotary.at(0) : nullptr);
  x.k_shift = layer.k_shift;
  x.v_shift = layer.v_shift;
  x.bfloats = steps_[sequence].reading && cache.type() != NumberType::f32;
  x.out = attended_.data() + row * x.heads * shape.v.features;
  return x;
}

void ForwardPass::attend(int64_t index) {
  const ModelConfig& config = model_->config();
  const Layer in = layer(index);
  const TokenRows tokens = {normalized_.reserve(T_ * config.hidden_size), T_, config.hidden_size, positions_.data()};
  const Projected factors = project(in, tokens);
  write_cache(index, factors);
  attended_.reserve(T_ * config.num_attention_heads * model_->shape().v.features);
  attentions_.clear();
  for (size_t i = 0; i < steps_.size(); ++i) attentions_.push_back(sequence_attention(in, index, i, factors.q));
  attention(context_, attentions_);
  if (in.weights.value_bias) add_value_bias(in.weights.value_bias);
  add_heads(in.weights);
}

// Adds a product [T, C] to the residual stream, with post_norms through its norm.
void ForwardPass::add_product(const Matmul& product, const float* norm) {
  const ModelConfig& config = model_->config();
  Matmul to = product;
  to.accumulate = !config.post_norms;
  float* y = config.post_norms ? added_.reserve(T_ * config.hidden_size) : hidden_.data();
  to.y = y;
  multiply({&to, 1}, written_);
  if (!config.post_norms) return;
  rms_norm(context_, {.x = y,
                      .weight = norm,
                      .out = hidden_.data(),
                      .rows = T_,
                      .width = config.hidden_size,
                      .epsilon = static_cast<float>(config.rms_norm_eps),
                      .accumulate = true});
}

// Weights of values add up to 1, so that what is common to all values comes out as it is.
void ForwardPass::add_value_bias(const float* bias) {
  const int64_t H = model_->config().num_attention_heads;
  const FactorShape& shape = model_->shape().v;
  constexpr int64_t kGrain = 256;  // rows that are worth a hand-over to another thread
  context_.parallel_for(T_ * H, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* of_row = attended_.data() + row * shape.features;  // [T, H, E]
      const float* of_head = bias + row % H * shape.rank / H * shape.features;
      for (int64_t e = 0; e < shape.features; ++e) of_row[e] += of_head[e];
    }
  });
}

// From the heads' outputs to the residual stream.
void ForwardPass::add_heads(const LayerWeights& layer) {
  const ModelConfig& config = model_->config();
  const int64_t H = config.num_attention_heads, E = config.value_dim();
  float* heads = attended_.data();  // [T, H, E]
  if (model_->shape().values == ValueSource::latent) {
    heads = expanded_.reserve(T_ * H * E);
    expand_values(context_, config, layer.latent, T_, attended_.data(), heads);
  }
  if (layer.head_norm) {
    rms_norm(context_, {.x = heads,
                        .weight = layer.head_norm,
                        .out = heads,
                        .rows = T_ * H,
                        .width = E,
                        .epsilon = static_cast<float>(kHeadEpsilon)});
  }
  if (layer.gate) sigmoid_gate(context_, head_gate_.data(), heads, T_ * H * E);
  add_product({.x = heads, .w = &layer.output, .bias = layer.output_bias, .T = T_}, layer.post_attention_norm);
}

void ForwardPass::feed_forward(const LayerWeights& layer) {
  const ModelConfig& config = model_->config();
  const int64_t F = config.feed_forward_dim();
  const Gate gate = config.hidden_act == GateActivation::silu ? Gate::silu : Gate::gelu_tanh;
  Matmul down = {.w = &layer.mlp_down, .T = T_};
  const bool gated = written_ < T_ && can_multiply_gated(layer.mlp_gate, layer.mlp_up, layer.mlp_down);
  const int64_t rows = gated ? written_ : T_;  // whose gates and ups go through memory
  normalize(hidden_.data(), rows, layer.feed_forward_norm);
  if (gated) {
    uint16_t* const out = reserve_halves(gated_, tiled_numbers(T_ - rows, F));
    gated_matmul(context_, {.tiles = normalize_to_tiles(layer.feed_forward_norm),
                            .gate = &layer.mlp_gate,
                            .up = &layer.mlp_up,
                            .function = gate,
                            .T = T_ - rows,
                            .out = out});
    down.tiles = out;
  }
  float *gates = gate_.reserve(rows * F), *ups = up_.reserve(rows * F);
  Matmul products[] = {{.x = normalized_.data(), .w = &layer.mlp_gate, .y = gates, .T = rows},
                       {.x = normalized_.data(), .w = &layer.mlp_up, .y = ups, .T = rows}};
  multiply(products, std::min(written_, rows));
  apply_gate(context_, gate, gates, ups, rows * F);
  down.x = gates;
  add_product(down, layer.post_feed_forward_norm);
}

}  // namespace t6
