#include "t6/kernels/reference/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "t6/kernels/reference/pointwise.h"

namespace t6 {
namespace {

// Numbers of one kind of factor of a token, wherever they are kept.
std::vector<float> stored(const FactorView& view, const PagedStream& stream, const float* numbers, int64_t stride,
                          int64_t count, int64_t token) {
  if (!view.pages || stream.width == 0) return {numbers + token * stride, numbers + token * stride + count};
  std::vector<float> factors(static_cast<size_t>(stream.vectors * stream.width));
  read_token(stream, view.pages[token / kPageTokens], token % kPageTokens, factors.data());
  return factors;
}

// b as it multiplies: rows [R, D] of one token, with everything done that is left to do on use.
std::vector<double> feature_rows(const FactorView& view, int64_t token) {
  const int64_t base = view.features / view.third, half = view.rotary_dim / 2;
  const int64_t width = view.pages && view.paged_b.width > 0 ? view.paged_b.width : base;
  const std::vector<float> b = stored(view, view.paged_b, view.b, view.b_stride, view.rank * base, token);
  std::vector<float> c;
  if (view.has_c()) c = stored(view, view.paged_c, view.c, view.c_stride, view.rank * view.third, token);
  std::vector<double> rows;
  for (int64_t r = 0; r < view.rank; ++r) {
    std::vector<double> row(b.begin() + r * width, b.begin() + r * width + base);
    if (view.norm_weight) {
      row = rms_norm_reference({.x = b.data() + r * width,
                                .weight = view.norm_weight,
                                .rows = 1,
                                .width = base,
                                .epsilon = view.norm_epsilon});
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
      const double factor = view.has_c() ? c[static_cast<size_t>(r * view.third + j)] : 1.0;
      for (const double number : row) rows.push_back(number * factor);
    }
  }
  return rows;
}

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

// Adds to a token's keys, [H, D], the bias that they lack, turned as far as the token's position says.
void add_held_bias(const Attention& x, int64_t token, std::vector<double>& keys) {
  const int64_t half = x.k_bias.rotary_dim / 2;
  const float* entry = x.k_bias.rotary + token * x.k_bias.rotary_dim;
  for (int64_t h = 0; h < x.heads; ++h) {
    const int64_t rank = h * x.k.rank / x.heads;
    for (int64_t p = x.k_bias.first[rank]; p < x.k_bias.first[rank + 1]; ++p) {
      const int64_t i = x.k_bias.features[p];
      const float* at_zero = x.k_bias.rows + p * 2 * kPageTokens;  // not turned
      const double first = at_zero[0], second = at_zero[kPageTokens];
      keys[static_cast<size_t>(h * x.k.features + i)] += first * entry[i] - second * entry[half + i];
      keys[static_cast<size_t>(h * x.k.features + half + i)] += second * entry[i] + first * entry[half + i];
    }
  }
}

bool sees(const Attention& x, int64_t query, int64_t key) {
  const int64_t position = x.start + query;
  return key <= position && (x.window == 0 || key > position - x.window || key < x.sinks);
}

}  // namespace

std::vector<size_t> seen_reference(const Attention& x, int64_t query) {
  std::vector<size_t> keys;
  for (int64_t key = 0; key < x.start + x.T; ++key) {
    if (sees(x, query, key)) keys.push_back(static_cast<size_t>(key));
  }
  return keys;
}

std::vector<double> materialize_reference(const FactorView& view, int64_t heads, int64_t token) {
  const std::vector<double> b = feature_rows(view, token);
  std::vector<float> a;
  if (view.has_a()) a = stored(view, view.paged_a, view.a, view.a_stride, view.rank * heads, token);
  std::vector<double> product;
  for (int64_t h = 0; h < heads; ++h) {
    for (int64_t i = 0; i < view.features; ++i) {
      double sum = 0;
      for (int64_t r = 0; r < view.rank; ++r) {
        const double factor = view.has_a() ? a[static_cast<size_t>(r * heads + h)] : (h / (heads / view.rank) == r);
        sum += factor * b[static_cast<size_t>(r * view.features + i)];
      }
      product.push_back(sum);
    }
  }
  return product;
}

AttentionResult attention_reference(const Attention& x) {
  const auto D = static_cast<size_t>(x.k.features), E = static_cast<size_t>(x.v.features);
  AttentionResult result;
  std::vector<std::vector<double>> keys, values;  // [M][H, D], [M][H, E]
  for (int64_t k = 0; k < x.start + x.T; ++k) {
    keys.push_back(shifted(x.k, x.k_shift, x.heads, k));
    values.push_back(shifted(x.v, x.v_shift, x.heads, k));
    if (x.k_bias.first) add_held_bias(x, k, keys.back());
  }
  for (int64_t t = 0; t < x.T; ++t) {
    const std::vector<double> query = materialize_reference(x.q, x.heads, t);
    for (size_t h = 0; h < static_cast<size_t>(x.heads); ++h) {
      double largest = -std::numeric_limits<double>::infinity(), sum = 0;
      std::vector<double> weights;
      for (size_t k = 0; k < keys.size(); ++k) {
        double logit = 0;
        for (size_t i = 0; i < D; ++i) logit += query[h * D + i] * keys[k][h * D + i];
        logit *= x.logit_scale;
        if (!sees(x, t, static_cast<int64_t>(k))) logit = -std::numeric_limits<double>::infinity();
        weights.push_back(logit);
        largest = std::max(largest, logit);
      }
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      for (size_t i = 0; i < E; ++i) {
        double value = 0;
        for (size_t k = 0; k < weights.size(); ++k) value += weights[k] / sum * values[k][h * E + i];
        result.out.push_back(value * x.value_scale);
      }
      result.lse.push_back(largest + std::log(sum));
    }
  }
  return result;
}

}  // namespace t6
