#include "t6/compare/duration.h"

#include <algorithm>

#include "t6/formats/json.h"
#include "t6/formats/run_files.h"

namespace t6 {
namespace {

// A forward pass alone takes a third of what one with its gradients takes.
constexpr double kForwardShare = 1.0 / 3;
constexpr int64_t kMost = int64_t{1} << 40;

int64_t done_of(const RunResult& result, const RunLength& length) {
  return result.done() ? length.tokens() : std::min(result.tokens, length.tokens());
}

}  // namespace

RunLength run_length(const Json& run) {
  const JsonObject file(run, "the run");
  const JsonObject train = file.object(run_keys::kTrain);
  const auto integer = [&](const char* key) { return train.integer(key, 0, kMost); };
  RunLength length = {.steps = integer(run_keys::kSteps), .context = integer(run_keys::kContext)};
  length.step_tokens = integer(run_keys::kBatchSize) * integer(run_keys::kAccumulation) * length.context;
  const int64_t every = integer(run_keys::kEvaluateEvery), windows = integer(run_keys::kEvaluateWindows);
  length.evaluations = every > 0 ? (length.steps + every - 1) / every : 1;
  const JsonObject facts = file.object(run_keys::kFacts);
  if (facts.has(run_keys::kStepTokens)) {  // documents of different lengths
    length.step_tokens = facts.integer(run_keys::kStepTokens, 1, kMost);
    length.evaluation_tokens = facts.integer(run_keys::kEvaluationTokens, 0, INT64_MAX);
    return length;
  }
  const int64_t tokens = facts.integer(run_keys::kValidationTokens, 0, INT64_MAX);
  const int64_t fitting = length.context > 0 ? (tokens - 1) / length.context * length.context : 0;
  length.evaluation_tokens = windows > 0 ? std::min(fitting, windows * length.context) : fitting;
  return length;
}

int64_t tokens_done(const Plan& plan, const std::vector<RunResult>& results, const RunLength& length) {
  int64_t done = 0;
  for (const RunResult& result : results) done += done_of(result, length);
  return std::min(done, wanted_runs(plan) * length.tokens());
}

double seconds_left(const Plan& plan, const std::vector<RunResult>& results, const RunLength& length,
                    const std::vector<double>& rates) {
  const auto models = static_cast<int64_t>(plan.configurations.size());
  std::vector<int64_t> tokens(rates.size(), wanted_runs(plan) / models * length.tokens());
  for (size_t i = 0; i < results.size(); ++i) tokens[plan.runs[i].configuration] -= done_of(results[i], length);
  const auto evaluated = static_cast<double>(length.evaluations * length.evaluation_tokens);
  const double more = 1 + kForwardShare * evaluated / static_cast<double>(std::max<int64_t>(1, length.tokens()));
  double seconds = 0;
  for (size_t i = 0; i < rates.size(); ++i)
    seconds += static_cast<double>(std::max<int64_t>(0, tokens[i])) * more / rates[i];
  return seconds;
}

}  // namespace t6
