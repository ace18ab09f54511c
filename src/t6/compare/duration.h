// How long a comparison will take, from the speed of runs already done or of short trials.
#pragma once

#include <cstdint>
#include <vector>

#include "t6/compare/plan.h"
#include "t6/compare/results.h"

namespace t6 {

// The same for all runs: what 't6 train --dry-run' says about one.
struct RunLength {
  int64_t steps = 0;
  int64_t step_tokens = 0;        // of documents of different lengths the mean
  int64_t context = 0;            // tokens in a sequence, of a task at most
  int64_t evaluations = 0;        // of the validation split
  int64_t evaluation_tokens = 0;  // in each; 0: the data has no validation split

  int64_t tokens() const { return steps * step_tokens; }
};

// `run`: the JSON of a run that has not begun. Errors: keys that are missing or no numbers.
RunLength run_length(const Json& run);

// Tokens of all wanted runs that have been trained; a run that diverged counts whole.
int64_t tokens_done(const Plan& plan, const std::vector<RunResult>& results, const RunLength& length);

// Seconds that the rest takes. `rates`: training tokens per second of each configuration.
double seconds_left(const Plan& plan, const std::vector<RunResult>& results, const RunLength& length,
                    const std::vector<double>& rates);

}  // namespace t6
