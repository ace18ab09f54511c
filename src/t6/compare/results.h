// What the runs of a comparison have come to.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "t6/compare/folder.h"
#include "t6/compare/plan.h"
#include "t6/compare/statistics.h"
#include "t6/formats/run_files.h"

namespace t6 {

// Of one run, as its folder says.
struct RunResult {
  bool finished = false;  // the last step was taken, evaluated and saved
  bool diverged = false;  // it ended because its loss was no number: an infinite loss
  int64_t step = 0, tokens = 0;
  std::optional<double> loss = {};           // validation loss after the last step, of finished runs
  std::optional<double> bits_per_byte = {};  // where the data says how many bytes its tokens stand for
  std::optional<double> accuracy = {};       // of classifiers, from 0 to 1, after the last step
  std::optional<double> test_accuracy = {};  // the same, where there are documents for a test
  std::optional<double> training_rate = {};  // tokens per second, the median of its records
  double seconds = 0;                        // that it has taken
  std::vector<ValidationRecord> curve = {};

  bool done() const { return finished || diverged; }
};

// A line of metrics.jsonl, or a folder that is not there, is no error but a run that has yet to begin.
RunResult read_result(const ComparisonFolder& folder, const ComparisonRun& run);
std::vector<RunResult> read_results(const ComparisonFolder& folder, const Plan& plan);

// A configuration at one learning rate.
struct RateResult {
  std::optional<double> rate;
  std::map<int64_t, double> losses;  // by seed; infinite for runs that diverged
  double search_loss = 0;            // the mean over the search seeds; NaN until all of these are done
};

// A configuration at the learning rate that was chosen for it: the one with the lowest mean validation loss over the
// search seeds.
struct ConfigurationResult {
  std::vector<RateResult> rates;  // by rate
  std::optional<size_t> chosen;   // of rates; nothing until all searches of this configuration are done
  bool at_edge = false;           // the lowest or the highest of several rates: a better one may lie beyond
  Estimate loss;                  // at that rate, over the seeds that are done
  Estimate difference;            // to the baseline at its own rate, of the same seeds
  Estimate accuracy, accuracy_difference, test_accuracy;  // of classifiers, as the two above
  double perplexity = kNoNumber;                          // exp of the mean loss
  double bits_per_byte = kNoNumber;
  double training_rate = kNoNumber;  // tokens per second, the mean
  double decoding_rate = kNoNumber;  // tokens per second, where it was measured
};
std::vector<ConfigurationResult> summarize(const Plan& plan, const std::vector<RunResult>& results);

// The runs that are wanted and not done, in the order in which to take them: first every rate with the search seeds,
// then the other seeds at the rates that were chosen, as far as they are. Empty when the comparison is complete.
std::vector<size_t> open_runs(const Plan& plan, const std::vector<RunResult>& results);
// The first of them.
std::optional<size_t> next_run(const Plan& plan, const std::vector<RunResult>& results);
// How many runs it takes altogether.
int64_t wanted_runs(const Plan& plan);

}  // namespace t6
