// How the bench commands time a piece of work.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace t6 {

double median(std::vector<double> values);  // of an even number the upper one; values must not be empty

struct Timing {
  double median_s = 0, best_s = 0;
  int64_t runs = 0;
};

// Runs `work` twice to warm up, then at least seven times, and more often as long as all runs together take less than
// `least_s`, up to a thousand times: short work is disturbed most. Work of more than two seconds is warmed up once and
// run three times.
Timing time_runs(const std::function<void()>& work, double least_s = 0.2);

}  // namespace t6
