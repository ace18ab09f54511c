#include "t6/kernels/rotary.h"

#include <algorithm>
#include <cmath>

namespace t6 {

RotaryTable::RotaryTable(int64_t dim, double theta, std::span<const double> divisors, double scale)
    : dim_(dim), scale_(static_cast<float>(scale)) {
  for (int64_t i = 0; i < dim / 2; ++i) {
    const double power = -2.0 * static_cast<double>(i) / static_cast<double>(dim);
    const double divisor = divisors.empty() ? 1 : divisors[static_cast<size_t>(i)];
    inverse_frequencies_.push_back(static_cast<float>(std::pow(theta, power) / divisor));
  }
}

void RotaryTable::extend(int64_t positions) {
  if (positions <= positions_) return;
  positions = std::max(positions, positions_ + positions_ / 2);
  values_.resize(static_cast<size_t>(positions * dim_));
  for (int64_t position = positions_; position < positions; ++position) {
    float* entry = values_.data() + position * dim_;
    for (int64_t i = 0; i < dim_ / 2; ++i) {
      const float angle = static_cast<float>(position) * inverse_frequencies_[static_cast<size_t>(i)];
      entry[i] = std::cos(angle) * scale_;
      entry[dim_ / 2 + i] = std::sin(angle) * scale_;
    }
  }
  positions_ = positions;
}

void rotate(float* x, int64_t rows, int64_t stride, const float* entry, int64_t dim) {
  const int64_t half = dim / 2;
  const float *cosine = entry, *sine = entry + half;
  for (int64_t r = 0; r < rows; ++r, x += stride) {
    for (int64_t i = 0; i < half; ++i) {
      const float first = x[i], second = x[half + i];
      x[i] = first * cosine[i] - second * sine[i];
      x[half + i] = second * cosine[i] + first * sine[i];
    }
  }
}

}  // namespace t6
