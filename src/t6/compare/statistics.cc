#include "t6/compare/statistics.h"

#include <cmath>
#include <limits>

#include "t6/core/sample_mean.h"

namespace t6 {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's method.
double beta_fraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;
  const auto away = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / away(1 - (a + b) * x / (a + 1)), result = d;
  for (int m = 1; m < 10'000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1;
    for (const double term : {even, odd}) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      step = c * d;
      result *= step;
    }
    if (std::abs(step - 1) < 1e-16) break;
  }
  return result;
}

// The regularized incomplete beta function I_x(a, b).
double incomplete_beta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  // The fraction converges on this side.
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
  return 1 - front * beta_fraction(1 - x, b, a) / b;
}

// The probability of a value above t > 0.
double upper_tail(double t, double degrees) {
  return incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
}

}  // namespace

double student_t_quantile(double probability, int64_t degrees) {
  if (probability == 0.5) return 0;
  if (probability < 0.5) return -student_t_quantile(1 - probability, degrees);
  const double tail = 1 - probability;
  double low = 0, high = 1;
  while (upper_tail(high, static_cast<double>(degrees)) > tail && high < 1e300) low = high, high *= 2;
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    (upper_tail(middle, static_cast<double>(degrees)) > tail ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

Estimate estimate(const std::vector<double>& values) {
  const auto count = static_cast<int64_t>(values.size());
  if (count == 0) return {0, kNaN, kNaN};
  const SampleMean sample = sample_mean(values);
  const auto error = sample.standard_error();
  return {count, sample.mean, error ? student_t_quantile(0.975, count - 1) * *error : kNaN};
}

Estimate paired_difference(const std::map<int64_t, double>& values, const std::map<int64_t, double>& baseline) {
  std::vector<double> differences;
  for (const auto& [seed, value] : values) {
    const auto other = baseline.find(seed);
    if (other != baseline.end()) differences.push_back(value - other->second);
  }
  return estimate(differences);
}

}  // namespace t6
