#include "t6/report/page/numbers.h"

#include <algorithm>
#include <cmath>

namespace t6 {

std::vector<double> nice_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (double i = first; i <= last && ticks.size() <= static_cast<size_t>(2 * wanted); ++i)
    ticks.push_back(i * step + 0.0);  // never -0
  return ticks;
}

std::vector<double> logarithmic_ticks(double low, double high, int at_most) {
  // From fine to coarse; the first that gives few enough ticks is taken.
  static const std::vector<std::vector<double>> kMantissas = {
      {1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9}, {1, 1.5, 2, 3, 4, 5, 7}, {1, 2, 3, 5}, {1, 2, 5}, {1, 3}, {1}};
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  const auto collect = [&](const std::vector<double>& mantissas, int every) {
    std::vector<double> ticks;
    for (int exponent = first; exponent <= last; exponent += every) {
      for (const double mantissa : mantissas) {
        const double tick = mantissa * std::pow(10.0, exponent);
        if (tick >= low && tick <= high) ticks.push_back(tick);
      }
    }
    return ticks;
  };
  for (const auto& mantissas : kMantissas) {
    const auto ticks = collect(mantissas, 1);
    if (ticks.size() > static_cast<size_t>(at_most)) continue;
    // Less than half a decade: evenly spaced ticks say more.
    return ticks.size() < 3 && high / low < 10 ? nice_ticks(low, high, at_most - 2) : ticks;
  }
  return collect({1}, (last - first) / at_most + 1);
}

std::vector<Point> thin(const std::vector<Point>& points, size_t buckets) {
  if (points.size() <= 2 * buckets) return points;
  std::vector<Point> kept;
  kept.reserve(2 * buckets);
  for (size_t bucket = 0; bucket < buckets; ++bucket) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(bucket * points.size() / buckets);
    const auto end = points.begin() + static_cast<std::ptrdiff_t>((bucket + 1) * points.size() / buckets);
    const auto lower = [](const Point& a, const Point& b) { return a.y < b.y; };
    auto lowest = end, highest = end;
    for (auto point = begin; point != end; ++point) {
      if (!std::isfinite(point->y)) continue;
      if (lowest == end || lower(*point, *lowest)) lowest = point;
      if (highest == end || lower(*highest, *point)) highest = point;
    }
    if (lowest == end) {
      kept.push_back(*begin);  // nothing to draw here: keeps the gap
      continue;
    }
    kept.push_back(*std::min(lowest, highest));
    if (lowest != highest) kept.push_back(*std::max(lowest, highest));
  }
  return kept;
}

std::vector<Point> smooth(const std::vector<Point>& points, size_t radius) {
  std::vector<Point> means = points;
  for (size_t i = 0; i < points.size(); ++i) {
    if (!std::isfinite(points[i].y)) continue;
    const size_t reach = std::min(radius, i), end = std::min(points.size(), i + reach + 1);
    double sum = 0, count = 0;
    for (size_t j = i - reach; j < end; ++j) {
      if (std::isfinite(points[j].y)) sum += points[j].y, ++count;
    }
    means[i].y = sum / count;
  }
  return means;
}

}  // namespace t6
