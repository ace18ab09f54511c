// The mean of a sample, and how uncertain it is.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>

namespace t6 {

struct SampleMean {
  size_t count = 0;
  double mean = 0;                // 0 without values
  double squared_deviations = 0;  // sum (x - mean)^2

  // sqrt(sum (x - mean)^2 / (n - 1)) / sqrt(n); none below two values.
  std::optional<double> standard_error() const {
    if (count < 2) return std::nullopt;
    return std::sqrt(squared_deviations / static_cast<double>(count - 1) / static_cast<double>(count));
  }
};

inline SampleMean sample_mean(std::span<const double> values) {
  SampleMean result{.count = values.size()};
  for (const double value : values) result.mean += value;
  if (result.count > 0) result.mean /= static_cast<double>(result.count);
  for (const double value : values) result.squared_deviations += (value - result.mean) * (value - result.mean);
  return result;
}

}  // namespace t6
