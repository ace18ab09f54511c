// The training runs of a comparison, each a process of t6-train, one after another in each process that takes part.
#pragma once

#include <string>
#include <vector>

#include "t6/cli/progress_bar.h"
#include "t6/compare/duration.h"
#include "t6/compare/folder.h"
#include "t6/compare/results.h"

namespace t6 {

// Has t6-train look at data and settings: of the first model at every learning rate, of the others at the first.
// Errors: t6-train was not built; its errors; data without a validation split.
RunLength check_runs(const Plan& plan);

class ComparisonRuns {
 public:
  // All outlive this.
  ComparisonRuns(const ComparisonFolder& folder, const Plan& plan, const RunLength& length);

  // From runs that have begun; configurations without one are tried for some steps.
  double seconds_left();

  // Trains what is wanted, not done and not taken by another process, until the comparison is complete or interrupted.
  // A run whose loss is no number is noted and left. Error: a run ended in another way; its message, and where its log
  // is.
  void train_all();

 private:
  double trial_rate(size_t configuration);
  bool train_first_free(const std::vector<size_t>& open, ProgressBar& bar);
  void train(size_t index, ProgressBar& bar);
  void look_at_others();
  void show_progress(size_t index, ProgressBar& bar);

  const ComparisonFolder& folder_;
  const Plan& plan_;
  const RunLength& length_;
  std::vector<RunResult> results_;
};

}  // namespace t6
