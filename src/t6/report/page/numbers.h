// Numbers for a chart: where its ticks stand, and which of many points are drawn.
#pragma once

#include <cstddef>
#include <vector>

namespace t6 {

struct Point {
  double x = 0, y = 0;
};

// Round values inside [low, high], low < high, about `wanted` of them. Logarithmic ticks need low > 0.
std::vector<double> nice_ticks(double low, double high, int wanted);
std::vector<double> logarithmic_ticks(double low, double high, int at_most);

// At most 2 * buckets points that look the same: the lowest and the highest of each stretch, so that a spike stays.
std::vector<Point> thin(const std::vector<Point>& points, size_t buckets);

// The mean of each point and its neighbours up to `radius` on each side (fewer at the beginning, the same number on
// both sides, so that a steep start keeps its place). Points that are not finite are left out of the means.
std::vector<Point> smooth(const std::vector<Point>& points, size_t radius);

}  // namespace t6
