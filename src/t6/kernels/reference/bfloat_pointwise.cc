#include "t6/kernels/reference/bfloat_pointwise.h"

#include <cmath>

#include "t6/numbers/half.h"

namespace t6 {

NormReference bfloat_rms_norm_reference(const BfloatRmsNorm& p) {
  NormReference result;
  for (int64_t row = 0; row < p.rows; ++row) {
    const auto x = [&](int64_t i) -> double {
      return p.x ? p.x[row * p.width + i] : float_from_bfloat16(p.bfloats[row * p.width + i]);
    };
    double squares = 0;
    for (int64_t i = 0; i < p.width; ++i) squares += x(i) * x(i);
    const double factor = 1 / std::sqrt(squares / static_cast<double>(p.width) + p.epsilon);
    result.factors.push_back(factor);
    for (int64_t i = 0; i < p.width; ++i) {
      result.normed.push_back(x(i) * factor);
      if (p.weight) result.out.push_back(x(i) * factor * p.weight[i]);
    }
  }
  return result;
}

std::vector<double> bfloat_rms_norm_backward_reference(const BfloatRmsNormBackward& p) {
  std::vector<double> result;
  for (int64_t row = 0; row < p.rows; ++row) {
    const auto normed = [&](int64_t i) -> double { return float_from_bfloat16(p.normed[row * p.width + i]); };
    const auto gradient = [&](int64_t i) -> double {
      return float_from_bfloat16(p.d_out[row * p.width + i]) * (p.weight ? p.weight[i] : 1.0);
    };
    double sum = 0;
    for (int64_t i = 0; i < p.width; ++i) sum += gradient(i) * normed(i);
    const double mean = sum / static_cast<double>(p.width);
    for (int64_t i = 0; i < p.width; ++i) result.push_back(p.factors[row] * (gradient(i) - normed(i) * mean));
  }
  return result;
}

GateReference bfloat_gate_reference(const BfloatGate& p, const uint16_t* d_out) {
  GateReference result;
  for (int64_t i = 0; i < p.count; ++i) {
    const double g = float_from_bfloat16(p.gate[i]), up = float_from_bfloat16(p.up[i]);
    const double given = float_from_bfloat16(d_out[i]), scale = std::sqrt(8 / M_PI);
    const double y = p.gelu ? scale * (g + 0.044715 * g * g * g) : g;
    const double slope = p.gelu ? scale * (1 + 3 * 0.044715 * g * g) : 1;
    const double s = 1 / (1 + std::exp(-y));
    result.out.push_back(g * s * up);
    result.d_up.push_back(given * g * s);
    result.d_gate.push_back(given * up * (s + g * s * (1 - s) * slope));
  }
  return result;
}

std::vector<double> bfloat_rotate_reference(const BfloatRotation& p) {
  std::vector<double> result;
  for (int64_t row = 0; row < p.tokens * p.ranks; ++row) {
    const int64_t entry = row / p.ranks % p.length * p.half;
    const auto x = [&](int64_t i) -> double { return float_from_bfloat16(p.x[row * p.width + i]); };
    for (int64_t i = 0; i < p.width; ++i) {
      const int64_t pair = i % std::max<int64_t>(1, p.half);
      const double cosine = p.cos[entry + pair], sine = (p.inverse ? -1 : 1) * double{p.sin[entry + pair]};
      if (i < p.half) {
        result.push_back(x(i) * cosine - x(i + p.half) * sine);
      } else {
        result.push_back(i < 2 * p.half ? x(i) * cosine + x(i - p.half) * sine : x(i));
      }
    }
  }
  return result;
}

}  // namespace t6
