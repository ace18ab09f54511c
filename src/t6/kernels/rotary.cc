#include "t6/kernels/rotary.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/rotary.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

void rotate_rows(float* x, int64_t rows, int64_t stride, const float* entry, int64_t dim) {
  const Floats d;
  const int64_t half = dim / 2;
  for (int64_t r = 0; r < rows; ++r, x += stride) {
    for (int64_t i = 0; i < half; i += kLanes) {
      const int64_t left = half - i;
      const Vector cosine = load_up_to(d, entry + i, left), sine = load_up_to(d, entry + half + i, left);
      const Vector first = load_up_to(d, x + i, left), second = load_up_to(d, x + half + i, left);
      store_up_to(hn::NegMulAdd(second, sine, hn::Mul(first, cosine)), d, x + i, left);
      store_up_to(hn::MulAdd(first, sine, hn::Mul(second, cosine)), d, x + half + i, left);
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(rotate_rows);

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
  HWY_DYNAMIC_DISPATCH(rotate_rows)(x, rows, stride, entry, dim);
}

}  // namespace t6
#endif  // HWY_ONCE
