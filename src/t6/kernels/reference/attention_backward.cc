#include "t6/kernels/reference/attention_backward.h"

#include <algorithm>
#include <cmath>

#include "t6/kernels/reference/attention.h"

namespace t6 {
namespace {

// Materialised queries, keys or values of all tokens, [tokens][H D], or gradients of such.
using Rows = std::vector<std::vector<double>>;

Rows materialize(const FactorView& view, int64_t heads, int64_t tokens) {
  Rows rows;
  for (int64_t t = 0; t < tokens; ++t) rows.push_back(materialize_reference(view, heads, t));
  return rows;
}

Rows zeros_like(Rows rows) {
  for (auto& row : rows) std::fill(row.begin(), row.end(), 0.0);
  return rows;
}

double dot(const double* a, const double* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

void add(double factor, const double* from, int64_t count, double* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

// From gradients of sum_r a_r (outer) b_r to those of a and b.
FactorGradients contract(const FactorView& view, int64_t heads, const Rows& gradients) {
  const auto tokens = static_cast<int64_t>(gradients.size());
  const int64_t features = view.features;
  FactorGradients result;
  if (view.a) result.a.assign(static_cast<size_t>(tokens * view.rank * heads), 0.0);
  result.b.assign(static_cast<size_t>(tokens * view.rank * features), 0.0);
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t r = 0; r < view.rank; ++r) {
      const float* b = view.b + t * view.b_stride + r * features;
      double* b_gradient = result.b.data() + (t * view.rank + r) * features;
      for (int64_t h = 0; h < heads; ++h) {
        const double* gradient = gradients[static_cast<size_t>(t)].data() + h * features;
        add(view.a ? view.a[t * view.a_stride + r * heads + h] : (h / (heads / view.rank) == r), gradient, features,
            b_gradient);
        if (!view.a) continue;
        double& a_gradient = result.a[static_cast<size_t>((t * view.rank + r) * heads + h)];
        for (int64_t i = 0; i < features; ++i) a_gradient += gradient[i] * b[i];
      }
    }
  }
  return result;
}

}  // namespace

AttentionGradients attention_backward_reference(const AttentionBackward& p) {
  const Attention& x = p.forward;
  const int64_t H = x.heads, D = x.k.features, E = x.v.features, M = x.start + x.T;
  const Rows queries = materialize(x.q, H, x.T), keys = materialize(x.k, H, M), values = materialize(x.v, H, M);
  Rows dq = zeros_like(queries), dk = zeros_like(keys), dv = zeros_like(values);
  for (int64_t t = 0; t < x.T; ++t) {
    const std::vector<size_t> seen = seen_reference(x, t);
    for (int64_t h = 0; h < H; ++h) {
      const double* query = queries[static_cast<size_t>(t)].data() + h * D;
      std::vector<double> weights, logit_gradients;
      double sum = 0;
      for (const size_t k : seen) weights.push_back(x.logit_scale * dot(query, keys[k].data() + h * D, D));
      const double largest = *std::max_element(weights.begin(), weights.end());
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      for (double& weight : weights) weight /= sum;

      const float* given = p.d_out + (t * H + h) * E;
      std::vector<double> d_out(given, given + E);
      for (double& gradient : d_out) gradient *= x.value_scale;
      double mean = 0;
      for (size_t i = 0; i < seen.size(); ++i) {
        logit_gradients.push_back(dot(d_out.data(), values[seen[i]].data() + h * E, E));
        mean += weights[i] * logit_gradients[i];
      }
      for (size_t i = 0; i < seen.size(); ++i) {
        const size_t k = seen[i];
        const double gradient = weights[i] * (logit_gradients[i] - mean) * x.logit_scale;
        add(gradient, keys[k].data() + h * D, D, dq[static_cast<size_t>(t)].data() + h * D);
        add(gradient, query, D, dk[k].data() + h * D);
        add(weights[i], d_out.data(), E, dv[k].data() + h * E);
      }
    }
  }
  return {contract(x.q, H, dq), contract(x.k, H, dk), contract(x.v, H, dv)};
}

}  // namespace t6
