#include "t6/infer/forward/projection.h"

#include "t6/kernels/pointwise.h"
#include "t6/model/norm_epsilons.h"

namespace t6 {
namespace {

void activate(HeadActivation activation, float* a, int64_t T, const FactorShape& shape) {
  switch (activation) {
    case HeadActivation::identity:
      return;
    case HeadActivation::sigmoid:
      return sigmoid(a, T * shape.rank * shape.heads);
    case HeadActivation::softmax_heads:
      return softmax(a, T * shape.rank, shape.heads, 1);
    case HeadActivation::softmax_ranks:
      return softmax(a, T, shape.rank, shape.heads);
  }
}

bool rotates(const FeatureFinish& finish) { return finish.rotary && finish.rotary->dim() > 0; }

// Norm and rotation of b.
void finish_features(Context& context, const FactorShape& shape, const FeatureFinish& finish, const TokenRows& tokens,
                     float* b) {
  constexpr int64_t kGrain = 1 << 14;  // numbers that are worth a hand-over to another thread
  const int64_t width = shape.base_features(), token = shape.rank * width;
  if (finish.norm) {
    rms_norm(context, {.x = b,
                       .weight = finish.norm,
                       .out = b,
                       .rows = tokens.T * shape.rank,
                       .width = width,
                       .epsilon = finish.epsilon});
  }
  if (!rotates(finish)) return;
  context.parallel_for(tokens.T, 1 + kGrain / token, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      rotate(b + t * token, shape.rank, width, finish.rotary->at(tokens.positions[t]), finish.rotary->dim());
    }
  });
}

void add_constants(FactorView& view, const FactorShape& shape, const FactorWeights& weights) {
  if (shape.head == HeadFactor::constant) view.a = weights.constant_a;
  if (!shape.contextual_features) view.b = weights.constant_b;
}

void finish_on_use(FactorView& view, const FeatureFinish& finish, int64_t start) {
  view.norm_weight = finish.norm;
  view.norm_epsilon = finish.epsilon;
  if (rotates(finish)) view.rotary = finish.rotary->at(start), view.rotary_dim = finish.rotary->dim();
}

}  // namespace

void add_products(const FactorWeights& weights, const TokenRows& tokens, const FactorRowsOut& out,
                  std::vector<Matmul>& products) {
  const auto add = [&](const WeightMatrix& w, const float* bias, float* y) {
    if (y) products.push_back({.x = tokens.x, .w = &w, .y = y, .bias = bias, .T = tokens.T});
  };
  add(weights.a, weights.head_bias, out.a);
  add(weights.b, weights.bias, out.b);
  add(weights.c, nullptr, out.c);
}

void finish_factors(Context& context, const FactorShape& shape, HeadActivation activation, const FeatureFinish& finish,
                    const TokenRows& tokens, const FactorRowsOut& out, bool raw) {
  if (out.a) activate(activation, out.a, tokens.T, shape);
  if (out.b && !raw) finish_features(context, shape, finish, tokens, out.b);
}

FactorView query_view(const FactorShape& shape, const FactorWeights& weights, const FactorRowsOut& tokens,
                      const FeatureFinish& finish, int64_t start) {
  FactorView view;
  view.rank = shape.rank;
  view.features = shape.features;
  view.third = shape.third;
  add_constants(view, shape, weights);
  if (tokens.a) view.a = tokens.a, view.a_stride = shape.rank * shape.heads;
  if (tokens.b) view.b = tokens.b, view.b_stride = shape.rank * shape.base_features();
  if (tokens.c) view.c = tokens.c, view.c_stride = shape.rank * shape.third;
  if (!tokens.b) finish_on_use(view, finish, start);
  return view;
}

void complete_view(const FactorShape& shape, const FactorWeights& weights, const FeatureFinish& finish, bool raw,
                   FactorView& view) {
  add_constants(view, shape, weights);
  if (raw || !shape.contextual_features) finish_on_use(view, finish, 0);
}

void compress(Context& context, const TokenRows& tokens, const WeightMatrix& down, const float* norm, float* out) {
  matmul(context, {.x = tokens.x, .w = &down, .y = out, .T = tokens.T});
  rms_norm(context, {.x = out,
                     .weight = norm,
                     .out = out,
                     .rows = tokens.T,
                     .width = down.rows(),
                     .epsilon = static_cast<float>(kLatentEpsilon)});
}

}  // namespace t6
