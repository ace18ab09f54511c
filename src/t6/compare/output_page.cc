// What the report of a comparison shows.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "t6/compare/output.h"
#include "t6/core/units.h"
#include "t6/numbers/cache_type.h"

namespace t6 {
namespace {

// By tokens, for each seed.
using SeedCurves = std::map<int64_t, std::map<int64_t, double>>;

using Measure = double ValidationRecord::*;

SeedCurves curves_of(const Plan& plan, const std::vector<RunResult>& results, size_t configuration,
                     const std::optional<double>& rate, Measure measure = &ValidationRecord::loss) {
  SeedCurves curves;
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    const ComparisonRun& run = plan.runs[i];
    if (run.configuration != configuration || run.rate != rate || results[i].diverged) continue;
    for (const ValidationRecord& record : results[i].curve) curves[run.seed][record.tokens] = record.*measure;
  }
  return curves;
}

// The mean of what `value(seed, tokens)` gives, where all seeds have it.
template <typename Value>
std::vector<std::pair<double, double>> mean_curve(const SeedCurves& curves, Value&& value) {
  std::vector<std::pair<double, double>> points;
  if (curves.empty()) return points;
  for (const auto& [tokens, any] : curves.begin()->second) {
    double sum = 0;
    for (const auto& [seed, losses] : curves) sum += value(seed, tokens);
    if (std::isfinite(sum)) points.emplace_back(static_cast<double>(tokens), sum / static_cast<double>(curves.size()));
  }
  return points;
}

double loss_at(const SeedCurves& curves, int64_t seed, int64_t tokens) {
  const auto of_seed = curves.find(seed);
  if (of_seed == curves.end()) return kNoNumber;
  const auto loss = of_seed->second.find(tokens);
  return loss == of_seed->second.end() ? kNoNumber : loss->second;
}

std::vector<ComparisonCurve> learning_curves(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                                             const std::vector<RunResult>& results, Measure measure) {
  std::vector<ComparisonCurve> all;
  const double scale = measure == &ValidationRecord::accuracy ? 100 : 1;  // per cent
  for (size_t i = 0; i < summary.size(); ++i) {
    for (size_t j = 0; j < summary[i].rates.size(); ++j) {
      const SeedCurves curves = curves_of(plan, results, i, summary[i].rates[j].rate, measure);
      if (curves.empty()) continue;
      const bool chosen = summary[i].chosen == j || (!summary[i].chosen && summary[i].rates.size() == 1);
      all.push_back(
          {.name = plan.configurations[i].name,
           .colour = static_cast<int>(i),
           .chosen = chosen,
           .points = mean_curve(curves, [&](int64_t seed, int64_t at) { return scale * loss_at(curves, seed, at); })});
    }
  }
  return all;
}

std::vector<ComparisonCurve> difference_curves(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                                               const std::vector<RunResult>& results) {
  std::vector<ComparisonCurve> all;
  const auto place = static_cast<size_t>(&plan.baseline() - plan.configurations.data());
  if (!summary[place].chosen) return all;
  const SeedCurves baseline = curves_of(plan, results, place, summary[place].rates[*summary[place].chosen].rate);
  for (size_t i = 0; i < summary.size(); ++i) {
    if (i == place || !summary[i].chosen) continue;
    SeedCurves curves = curves_of(plan, results, i, summary[i].rates[*summary[i].chosen].rate);
    std::erase_if(curves, [&](const auto& curve) { return !baseline.contains(curve.first); });
    const auto difference = [&](int64_t seed, int64_t at) {
      return loss_at(curves, seed, at) - loss_at(baseline, seed, at);
    };
    all.push_back(
        {.name = plan.configurations[i].name, .colour = static_cast<int>(i), .points = mean_curve(curves, difference)});
  }
  return all;
}

// The models of one [[model]] are a family: their names begin alike.
std::string family_of(const std::string& name) { return name.substr(0, name.find('=')); }

ComparisonTable runs_table(const Plan& plan, const std::vector<RunResult>& results) {
  ComparisonTable table = {.caption = "Runs", .head = {"run", "step", "loss", "bits/byte", "train tok/s", "time"}};
  const bool task = plan.experiment.is_task();
  if (task) table.head[3] = "accuracy, %";
  const auto shown = [](const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : "-"; };
  const auto share = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.2f}", 100 * *value) : "-";
  };
  for (size_t i = 0; i < results.size(); ++i) {
    const RunResult& result = results[i];
    if (!result.done() && result.step == 0) continue;
    table.rows.push_back(
        {plan.runs[i].name, format_digits(result.step), result.diverged ? "diverged" : shown(result.loss),
         task ? share(result.accuracy) : shown(result.bits_per_byte),
         result.training_rate ? format_count(*result.training_rate) : "-", format_seconds(result.seconds)});
  }
  return table;
}

std::string match_words(const MatchRules& rules) {
  std::vector<std::string> words;
  if (rules.parameters) words.push_back("parameters");
  if (rules.heads) words.push_back("heads");
  if (rules.cache) words.push_back("bytes of cache");
  return words.empty() ? "of their own sizes" : fmt::format("of equal {}", fmt::join(words, " and "));
}

std::string summary_line(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                         const std::vector<RunResult>& results) {
  const auto most = std::ranges::max_element(results, {}, &RunResult::tokens);
  std::string text =
      fmt::format("{} models {}, {} of training each, seeds {}.", summary.size(), match_words(plan.experiment.match),
                  format_count(static_cast<double>(most == results.end() ? 0 : most->tokens)) + " tokens",
                  fmt::join(plan.experiment.seeds, ", "));
  const bool task = plan.experiment.is_task();
  const auto value = [&](const ConfigurationResult& result) { return task ? -result.accuracy.mean : result.loss.mean; };
  const ConfigurationResult* best = nullptr;
  for (const ConfigurationResult& result : summary) {
    if (std::isfinite(value(result)) && (!best || value(result) < value(*best))) best = &result;
  }
  if (!best) return text;
  const std::string& name = plan.configurations[static_cast<size_t>(best - summary.data())].name;
  if (task)
    return text + fmt::format(" The highest mean accuracy is {:.2f} %, of {}.", 100 * best->accuracy.mean, name);
  return text + fmt::format(" The lowest mean loss is {:.4f} nats per token, of {}.", best->loss.mean, name);
}

}  // namespace

ComparisonPage comparison_page(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                               const std::vector<RunResult>& results, const std::string& file) {
  ComparisonPage page = {.name = std::filesystem::path(plan.experiment.source).stem().string(),
                         .summary = summary_line(plan, summary, results),
                         .classifiers = plan.experiment.is_task(),
                         .notes = result_notes(plan, summary, results),
                         .results = results_table(plan, summary),
                         .curves = learning_curves(plan, summary, results, &ValidationRecord::loss),
                         .accuracies = {},
                         .baseline = plan.experiment.baseline,
                         .differences = difference_curves(plan, summary, results),
                         .points = {},
                         .cache_type = std::string(cache_type_name(plan.experiment.match.cache_type)),
                         .details = {sizes_table(plan)},
                         .experiment = file};
  for (size_t i = 0; i < summary.size(); ++i) {
    const Configuration& each = plan.configurations[i];
    const Estimate &loss = summary[i].loss, &accuracy = summary[i].accuracy;
    page.points.push_back({each.name, family_of(each.name), static_cast<int>(i), static_cast<double>(each.cache_bytes),
                           page.classifiers ? 100 * accuracy.mean : loss.mean,
                           page.classifiers ? 100 * accuracy.half_width : loss.half_width});
  }
  if (page.classifiers) page.accuracies = learning_curves(plan, summary, results, &ValidationRecord::accuracy);
  if (const ComparisonTable rates = rates_table(plan, summary); !rates.rows.empty()) page.details.push_back(rates);
  page.details.push_back(runs_table(plan, results));
  return page;
}

}  // namespace t6
