// The learning rate: linear warm-up, then a cosine down to the minimum (section 5 of the paper).
#pragma once

#include <cstdint>

namespace t6 {

struct Schedule {
  double maximum = 0;
  double minimum = 0;
  int64_t warmup_steps = 0;
  int64_t steps = 0;  // of the whole run

  // The rate of step 1, 2, ..., steps. It reaches the maximum at step warmup_steps (step 1 without warm-up) and the
  // minimum at the last step; the first step's rate is not 0.
  double rate(int64_t step) const;
};

}  // namespace t6
