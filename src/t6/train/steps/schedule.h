// The learning rate over a run: linear warm-up, then a cosine (section 5 of the paper), a constant, or a constant with
// a linear decay at the end.
#pragma once

#include <cstdint>
#include <string>

namespace t6 {

enum class ScheduleKind {
  cosine,    // from the maximum down to the minimum
  constant,  // the maximum
  wsd        // warm-up, stable, decay: the maximum, and over the last steps a line down to the minimum
};

// "cosine", "constant" or "wsd"; `source` begins the error for any other.
ScheduleKind parse_schedule_kind(const std::string& name, const std::string& source);

struct Schedule {
  double maximum = 0;
  double minimum = 0;
  int64_t warmup_steps = 0;
  int64_t steps = 0;  // of the whole run
  ScheduleKind kind = ScheduleKind::cosine;
  int64_t decay_steps = 0;  // of wsd: the last ones

  // The rate of step 1, 2, ..., steps. It reaches the maximum at step warmup_steps (step 1 without warm-up), and the
  // minimum, where the kind goes there, at the last step; the first step's rate is not 0.
  double rate(int64_t step) const;
};

}  // namespace t6
