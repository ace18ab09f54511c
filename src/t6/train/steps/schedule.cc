#include "t6/train/steps/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace t6 {

double Schedule::rate(int64_t step) const {
  if (step <= warmup_steps) return maximum * static_cast<double>(step) / static_cast<double>(warmup_steps);
  const int64_t begin = std::max<int64_t>(warmup_steps, 1);  // the step with the maximal rate
  if (step <= begin) return maximum;
  const double part = std::min(1.0, static_cast<double>(step - begin) / static_cast<double>(steps - begin));
  return minimum + (maximum - minimum) * 0.5 * (1 + std::cos(std::numbers::pi * part));
}

}  // namespace t6
