#include "t6/bench/timing.h"

#include <algorithm>

#include "t6/core/stopwatch.h"

namespace t6 {
namespace {

constexpr double kLongWork = 2;      // seconds
constexpr int64_t kMostRuns = 1000;  // a median does not become better by more

}  // namespace

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Timing time_runs(const std::function<void()>& work, double least_s) {
  const Stopwatch first;
  work();
  const bool is_long = first.seconds() > kLongWork;
  if (!is_long) work();
  const int64_t least_runs = is_long ? 3 : 7;
  std::vector<double> times;
  const Stopwatch all;
  while (std::ssize(times) < least_runs || (all.seconds() < least_s && std::ssize(times) < kMostRuns)) {
    const Stopwatch one;
    work();
    times.push_back(one.seconds());
  }
  return {median(times), *std::min_element(times.begin(), times.end()), std::ssize(times)};
}

}  // namespace t6
