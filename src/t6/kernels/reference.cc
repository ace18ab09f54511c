#include "t6/kernels/reference.h"

#include <algorithm>
#include <cmath>

namespace t6 {

std::vector<double> matmul_reference(const Matmul& p) {
  const int64_t x_stride = p.x_stride ? p.x_stride : p.K, y_stride = p.y_stride ? p.y_stride : p.N;
  std::vector<double> y;
  for (int64_t t = 0; t < p.T; ++t) {
    for (int64_t n = 0; n < p.N; ++n) {
      double sum = p.accumulate ? p.y[t * y_stride + n] : 0.0;
      for (int64_t k = 0; k < p.K; ++k) sum += double{p.x[t * x_stride + k]} * p.w[n * p.K + k];
      y.push_back(sum);
    }
  }
  return y;
}

std::vector<double> rms_norm_reference(const RmsNorm& p) {
  std::vector<double> out;
  for (int64_t row = 0; row < p.rows; ++row) {
    const float* x = p.x + row * (p.x_stride ? p.x_stride : p.width);
    double squares = 0;
    for (int64_t i = 0; i < p.width; ++i) squares += double{x[i]} * x[i];
    const double factor = 1 / std::sqrt(squares / static_cast<double>(p.width) + p.epsilon);
    for (int64_t i = 0; i < p.width; ++i) out.push_back(x[i] * factor * (p.weight ? p.weight[i] : 1.0));
  }
  return out;
}

std::vector<double> feature_rows_reference(const FactorView& view, int64_t token) {
  const int64_t base = view.features / view.third, half = view.rotary_dim / 2;
  std::vector<double> rows;
  for (int64_t r = 0; r < view.rank; ++r) {
    const float* stored = view.b + token * view.b_stride + r * base;
    std::vector<double> row(stored, stored + base);
    if (view.norm_weight) {
      row = rms_norm_reference(
          {.x = stored, .weight = view.norm_weight, .rows = 1, .width = base, .epsilon = view.norm_epsilon});
    }
    for (int64_t i = 0; view.rotary && i < half; ++i) {
      const float* entry = view.rotary + token * view.rotary_dim;
      const double cosine = entry[i], sine = entry[half + i];
      double &first = row[static_cast<size_t>(i)], &second = row[static_cast<size_t>(half + i)];
      const double turned = first * cosine - second * sine;
      second = second * cosine + first * sine;
      first = turned;
    }
    for (int64_t j = 0; j < view.third; ++j) {
      const double c = view.c ? view.c[token * view.c_stride + r * view.third + j] : 1.0;
      for (const double b : row) rows.push_back(b * c);
    }
  }
  return rows;
}

std::vector<double> materialize_reference(const FactorView& view, int64_t heads, int64_t token) {
  const std::vector<double> b = feature_rows_reference(view, token);
  std::vector<double> product;
  for (int64_t h = 0; h < heads; ++h) {
    for (int64_t i = 0; i < view.features; ++i) {
      double sum = 0;
      for (int64_t r = 0; r < view.rank; ++r) {
        const double a = view.a ? view.a[token * view.a_stride + r * heads + h] : (h / (heads / view.rank) == r);
        sum += a * b[static_cast<size_t>(r * view.features + i)];
      }
      product.push_back(sum);
    }
  }
  return product;
}

namespace {

// K' or V' of a token: mixed with the token before it.
std::vector<double> shifted(const FactorView& view, const float* shift, int64_t heads, int64_t token) {
  std::vector<double> product = materialize_reference(view, heads, token);
  if (!shift) return product;
  std::vector<double> before(product.size(), 0.0);
  if (token > 0) before = materialize_reference(view, heads, token - 1);
  for (size_t i = 0; i < product.size(); ++i) {
    const int64_t h = static_cast<int64_t>(i) / view.features;
    product[i] = shift[h] * product[i] + shift[heads + h] * before[i];
  }
  return product;
}

}  // namespace

std::vector<double> attention_reference(const Attention& x) {
  const auto D = static_cast<size_t>(x.k.features), E = static_cast<size_t>(x.v.features);
  std::vector<double> out;
  std::vector<std::vector<double>> keys, values;  // [M][H, D], [M][H, E]
  for (int64_t k = 0; k < x.start + x.T; ++k) {
    keys.push_back(shifted(x.k, x.k_shift, x.heads, k));
    values.push_back(shifted(x.v, x.v_shift, x.heads, k));
  }
  for (int64_t t = 0; t < x.T; ++t) {
    const std::vector<double> query = materialize_reference(x.q, x.heads, t);
    for (size_t h = 0; h < static_cast<size_t>(x.heads); ++h) {
      std::vector<double> weights;
      for (size_t k = 0; k <= static_cast<size_t>(x.start + t); ++k) {
        double logit = 0;
        for (size_t i = 0; i < D; ++i) logit += query[h * D + i] * keys[k][h * D + i];
        weights.push_back(logit * x.logit_scale);
      }
      const double largest = *std::max_element(weights.begin(), weights.end());
      double sum = 0;
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      for (size_t i = 0; i < E; ++i) {
        double value = 0;
        for (size_t k = 0; k < weights.size(); ++k) value += weights[k] / sum * values[k][h * E + i];
        out.push_back(value * x.value_scale);
      }
    }
  }
  return out;
}

}  // namespace t6
