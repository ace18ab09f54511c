// Means over seeds with their uncertainty: Student's t, for few runs of normal scatter.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace t6 {

// The value that a variable with Student's t distribution stays below with `probability`, in (0, 1); degrees >= 1.
double student_t_quantile(double probability, int64_t degrees);

// A mean and what is to be added and taken away for its 95 % interval.
struct Estimate {
  int64_t count = 0;
  double mean = 0;        // NaN without values
  double half_width = 0;  // NaN below two values
};
Estimate estimate(const std::vector<double>& values);

// Of the differences `values` - `baseline` of the seeds that both have: what a seed does to both alike (the order of
// the data) cancels.
Estimate paired_difference(const std::map<int64_t, double>& values, const std::map<int64_t, double>& baseline);

}  // namespace t6
