#include "t6/compare/results.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/report/report.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

std::optional<double> median_of(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

std::optional<double> finite(double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; }

int64_t integer_at(const Json& json, const char* section, const char* key) {
  const JsonObject object(json, kRunFile);
  return object.object(section).integer(key, 0, INT64_MAX);
}

// The step of the newest checkpoint: what follows it in metrics.jsonl is done again when the run goes on.
int64_t saved_step(const fs::path& run) {
  const fs::path file = run / kRunModel / kTrainerFile;
  return path_exists(file) ? JsonObject(read_json(file), file.string()).integer("step", 0, INT64_MAX) : 0;
}

bool is_search(const Plan& plan, int64_t seed) { return std::ranges::count(plan.experiment.search_seeds, seed) > 0; }

size_t rate_index(const Plan& plan, const ComparisonRun& run) {
  const auto& rates = plan.experiment.learning_rates;
  return run.rate ? static_cast<size_t>(std::ranges::find(rates, *run.rate) - rates.begin()) : 0;
}

double search_loss(const Plan& plan, const RateResult& rate) {
  double sum = 0;
  for (const int64_t seed : plan.experiment.search_seeds) {
    const auto loss = rate.losses.find(seed);
    if (loss == rate.losses.end()) return kNoNumber;
    sum += loss->second;
  }
  return sum / static_cast<double>(plan.experiment.search_seeds.size());
}

// The lowest of the rates with the lowest loss, once all have been tried.
void choose_rate(const Plan& plan, ConfigurationResult& result) {
  for (RateResult& rate : result.rates) rate.search_loss = search_loss(plan, rate);
  const auto untried = [](const RateResult& rate) { return std::isnan(rate.search_loss); };
  if (std::ranges::any_of(result.rates, untried)) return;
  const auto best = std::ranges::min_element(result.rates, {}, &RateResult::search_loss);
  result.chosen = static_cast<size_t>(best - result.rates.begin());
  result.at_edge = result.rates.size() > 1 && (best == result.rates.begin() || best + 1 == result.rates.end());
}

std::vector<double> values_of(const std::map<int64_t, double>& seeds) {
  std::vector<double> values;
  for (const auto& [seed, value] : seeds) values.push_back(value);
  return values;
}

std::vector<ConfigurationResult> collect(const Plan& plan, const std::vector<RunResult>& results) {
  std::vector<ConfigurationResult> all(plan.configurations.size());
  const auto& rates = plan.experiment.learning_rates;
  for (ConfigurationResult& result : all) {
    result.rates.resize(std::max<size_t>(1, rates.size()));
    for (size_t i = 0; i < rates.size(); ++i) result.rates[i].rate = rates[i];
  }
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    const ComparisonRun& run = plan.runs[i];
    auto& losses = all[run.configuration].rates[rate_index(plan, run)].losses;
    if (results[i].diverged) losses[run.seed] = std::numeric_limits<double>::infinity();
    if (results[i].loss) losses[run.seed] = *results[i].loss;
  }
  for (ConfigurationResult& result : all) choose_rate(plan, result);
  return all;
}

// What `value` is of the finished runs at the rate that was chosen for a configuration, by seed.
std::map<int64_t, double> by_seed(const Plan& plan, const std::vector<RunResult>& results, size_t configuration,
                                  size_t rate, std::optional<double> RunResult::*value) {
  std::map<int64_t, double> values;
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    const ComparisonRun& run = plan.runs[i];
    if (run.configuration != configuration || rate_index(plan, run) != rate || !results[i].finished) continue;
    if (const std::optional<double>& one = results[i].*value) values[run.seed] = *one;
  }
  return values;
}

bool is_wanted(const Plan& plan, const ComparisonRun& run, const std::vector<ConfigurationResult>& summary) {
  if (is_search(plan, run.seed)) return true;
  const ConfigurationResult& result = summary[run.configuration];
  return result.chosen && *result.chosen == rate_index(plan, run);
}

}  // namespace

RunResult read_result(const ComparisonFolder& folder, const ComparisonRun& run) {
  RunResult result;
  const fs::path path = folder.run(run);
  result.diverged = folder.divergence(run).has_value();
  if (!path_exists(path / kRunFile)) return result;
  const ReportData data = read_run(path);
  const int64_t steps = integer_at(data.run, run_keys::kTrain, run_keys::kSteps);
  result.curve = data.validation;
  std::vector<double> rates;
  for (const StepRecord& record : data.training) rates.push_back(record.tokens_per_second);
  result.training_rate = median_of(rates);
  if (!data.training.empty()) {
    const StepRecord& last = data.training.back();
    result.step = last.step, result.tokens = last.tokens;
    result.seconds = std::isfinite(last.seconds) ? last.seconds : 0;
  }
  if (data.validation.empty() || data.validation.back().step != steps || saved_step(path) != steps) return result;
  result.finished = !result.diverged;
  result.step = steps, result.tokens = data.validation.back().tokens;
  result.loss = finite(data.validation.back().loss);
  result.bits_per_byte = finite(data.validation.back().bits_per_byte);
  result.accuracy = finite(data.validation.back().accuracy);
  result.test_accuracy = finite(data.validation.back().test_accuracy);
  return result;
}

std::vector<RunResult> read_results(const ComparisonFolder& folder, const Plan& plan) {
  std::vector<RunResult> results;
  for (const ComparisonRun& run : plan.runs) results.push_back(read_result(folder, run));
  return results;
}

std::vector<ConfigurationResult> summarize(const Plan& plan, const std::vector<RunResult>& results) {
  std::vector<ConfigurationResult> all = collect(plan, results);
  const auto place = static_cast<size_t>(&plan.baseline() - plan.configurations.data());
  const ConfigurationResult& baseline = all[place];
  for (size_t i = 0; i < all.size(); ++i) {
    ConfigurationResult& result = all[i];
    result.loss = result.difference = estimate({});
    result.accuracy = result.accuracy_difference = result.test_accuracy = estimate({});
    if (!result.chosen) continue;
    const auto of_runs = [&](std::optional<double> RunResult::*value) {
      return by_seed(plan, results, i, *result.chosen, value);
    };
    const auto& losses = result.rates[*result.chosen].losses;
    result.loss = estimate(values_of(losses));
    result.perplexity = std::exp(result.loss.mean);
    if (baseline.chosen && i != place) {
      result.difference = paired_difference(losses, baseline.rates[*baseline.chosen].losses);
      result.accuracy_difference = paired_difference(
          of_runs(&RunResult::accuracy), by_seed(plan, results, place, *baseline.chosen, &RunResult::accuracy));
    }
    result.accuracy = estimate(values_of(of_runs(&RunResult::accuracy)));
    result.test_accuracy = estimate(values_of(of_runs(&RunResult::test_accuracy)));
    result.bits_per_byte = estimate(values_of(of_runs(&RunResult::bits_per_byte))).mean;
    result.training_rate = estimate(values_of(of_runs(&RunResult::training_rate))).mean;
  }
  return all;
}

std::vector<size_t> open_runs(const Plan& plan, const std::vector<RunResult>& results) {
  const std::vector<ConfigurationResult> summary = collect(plan, results);
  std::vector<size_t> open;
  for (const bool searching : {true, false}) {
    for (size_t i = 0; i < plan.runs.size(); ++i) {
      const ComparisonRun& run = plan.runs[i];
      if (is_search(plan, run.seed) == searching && !results[i].done() && is_wanted(plan, run, summary)) {
        open.push_back(i);
      }
    }
  }
  return open;
}

std::optional<size_t> next_run(const Plan& plan, const std::vector<RunResult>& results) {
  const std::vector<size_t> open = open_runs(plan, results);
  return open.empty() ? std::nullopt : std::optional(open.front());
}

int64_t wanted_runs(const Plan& plan) {
  const Experiment& experiment = plan.experiment;
  const auto rates = static_cast<int64_t>(std::max<size_t>(1, experiment.learning_rates.size()));
  const auto searched = static_cast<int64_t>(experiment.search_seeds.size());
  const auto rest = static_cast<int64_t>(experiment.seeds.size()) - searched;
  return static_cast<int64_t>(plan.configurations.size()) * (rates * searched + rest);
}

}  // namespace t6
