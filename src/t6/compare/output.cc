#include "t6/compare/output.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "t6/core/units.h"
#include "t6/numbers/cache_type.h"

namespace t6 {
namespace {

constexpr const char* kNothing = "-";

std::string number(double value, int digits) {
  if (std::isinf(value)) return "diverged";
  return std::isnan(value) ? kNothing : fmt::format("{:.{}f}", value, digits);
}

// "2.1034 ±0.0121"
std::string with_interval(const std::string& mean, double half_width) {
  return std::isfinite(half_width) ? fmt::format("{} ±{:.4f}", mean, half_width) : mean;
}

std::string signed_number(double value) { return std::isfinite(value) ? fmt::format("{:+.4f}", value) : kNothing; }
std::string rate_name(const std::optional<double>& rate) { return rate ? fmt::format("{}", *rate) : kNothing; }
std::string speed(double value) { return std::isfinite(value) ? format_count(value) : kNothing; }

const RateResult* chosen_rate(const ConfigurationResult& result) {
  return result.chosen ? &result.rates[*result.chosen] : nullptr;
}

// Shares from 0 to 1 as per cent: "71.20 ±0.45", "+0.31 ±0.20".
std::string percent(const Estimate& share, bool sign) {
  if (!std::isfinite(share.mean)) return kNothing;
  const std::string mean = sign ? fmt::format("{:+.2f}", 100 * share.mean) : fmt::format("{:.2f}", 100 * share.mean);
  return std::isfinite(share.half_width) ? fmt::format("{} ±{:.2f}", mean, 100 * share.half_width) : mean;
}

bool has_test(const std::vector<ConfigurationResult>& summary) {
  return std::ranges::any_of(summary, [](const auto& result) { return std::isfinite(result.test_accuracy.mean); });
}

bool is_search(const Plan& plan) { return plan.experiment.learning_rates.size() > 1; }

// As the head of results_table has its columns.
std::vector<std::string> results_row(const Plan& plan, size_t index, const ConfigurationResult& result, bool test) {
  const Configuration& each = plan.configurations[index];
  const RateResult* rate = chosen_rate(result);
  std::vector<std::string> row = {
      each.name,
      (rate ? rate_name(learning_rate(plan, rate->rate)) : kNothing) + std::string(result.at_edge ? " !" : ""),
      format_digits(each.parameters), fmt::format("{}", each.model.num_attention_heads),
      format_digits(each.cache_bytes)};
  const bool task = plan.experiment.is_task();
  if (test) row.push_back(percent(result.test_accuracy, false));
  if (task) row.push_back(percent(result.accuracy, false));
  if (task) row.push_back(percent(result.accuracy_difference, true));
  row.push_back(with_interval(number(result.loss.mean, 4), result.loss.half_width));
  row.push_back(with_interval(signed_number(result.difference.mean), result.difference.half_width));
  if (!task) row.push_back(number(result.perplexity, 3));
  if (!task) row.push_back(number(result.bits_per_byte, 4));
  row.push_back(speed(result.training_rate));
  if (!task) row.push_back(speed(result.decoding_rate));
  row.push_back(fmt::format("{}", result.loss.count));
  return row;
}

// What a terminal shows of a UTF-8 text.
size_t columns_of(const std::string& text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string names_where(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                        bool (*holds)(const ConfigurationResult&)) {
  std::vector<std::string> names;
  for (size_t i = 0; i < summary.size(); ++i) {
    if (holds(summary[i])) names.push_back(plan.configurations[i].name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

ComparisonTable sizes_table(const Plan& plan) {
  ComparisonTable table = {.caption = "Sizes",
                           .head = {"model", "kind", "parameters", "layers", "width", "heads", "feed-forward",
                                    "cache B/token", "chosen to match"}};
  for (const Configuration& each : plan.configurations) {
    const ModelConfig& model = each.model;
    table.rows.push_back({each.name, attention_kind_name(model.attention_kind), format_digits(each.parameters),
                          fmt::format("{}", model.num_hidden_layers), fmt::format("{}", model.hidden_size),
                          fmt::format("{} x {}", model.num_attention_heads, model.head_dim),
                          fmt::format("{}", model.feed_forward_dim()), format_digits(each.cache_bytes),
                          each.changed.empty() ? kNothing : fmt::format("{}", fmt::join(each.changed, ", "))});
  }
  return table;
}

ComparisonTable results_table(const Plan& plan, const std::vector<ConfigurationResult>& summary) {
  const bool task = plan.experiment.is_task(), test = has_test(summary);
  const std::string to = "to " + plan.experiment.baseline;
  ComparisonTable table = {.head = {"model", "learning rate", "parameters", "heads", "cache B/token"}};
  const auto add_head = [&](bool wanted, std::initializer_list<std::string> names) {
    if (wanted) table.head.insert(table.head.end(), names);
  };
  add_head(test, {"test, %"});
  add_head(task, {"accuracy, %", to});
  add_head(true, {"loss", to});
  add_head(!task, {"perplexity", "bits/byte"});
  add_head(true, {"train tok/s"});
  add_head(!task, {"decode tok/s"});
  add_head(true, {"seeds"});
  for (size_t i = 0; i < summary.size(); ++i) table.rows.push_back(results_row(plan, i, summary[i], test));
  return table;
}

ComparisonTable rates_table(const Plan& plan, const std::vector<ConfigurationResult>& summary) {
  ComparisonTable table = {.caption = "Mean loss by learning rate", .head = {"model"}};
  if (!is_search(plan)) return table;
  for (const double rate : plan.experiment.learning_rates) table.head.push_back(fmt::format("{}", rate));
  for (size_t i = 0; i < summary.size(); ++i) {
    std::vector<std::string> row = {plan.configurations[i].name};
    for (size_t j = 0; j < summary[i].rates.size(); ++j) {
      row.push_back(number(summary[i].rates[j].search_loss, 4) + (summary[i].chosen == j ? " *" : ""));
    }
    table.rows.push_back(row);
  }
  return table;
}

std::vector<std::string> result_notes(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                                      const std::vector<RunResult>& results) {
  const Experiment& experiment = plan.experiment;
  std::vector<std::string> notes;
  if (is_search(plan)) {
    notes.push_back(
        fmt::format("The learning rate of each model is that of {} with the lowest mean validation loss at the "
                    "last step over the seeds {}.",
                    fmt::join(experiment.learning_rates, ", "), fmt::join(experiment.search_seeds, ", ")));
  }
  const std::string edge = names_where(plan, summary, [](const ConfigurationResult& result) { return result.at_edge; });
  if (!edge.empty()) {
    notes.push_back(fmt::format("At the edge of these rates (!), so that a better one may lie beyond: {}.", edge));
  }
  notes.push_back(
      experiment.seeds.size() > 1
          ? fmt::format("Intervals are 95 % by Student's t over seeds; differences to {} are of runs of the same "
                        "seed, which see the same {} in the same order.",
                        experiment.baseline, experiment.is_task() ? "documents" : "tokens")
          : "One seed says nothing about how far another would be from it: there are no intervals.");
  for (const Configuration& each : plan.configurations) {
    for (const auto& [key, value] : each.optimizer.items())
      notes.push_back(fmt::format("{} alone has optimizer.{} = {}.", each.name, key, value.dump()));
  }
  const std::string diverged = names_where(plan, summary, [](const ConfigurationResult& result) {
    return std::ranges::any_of(result.rates, [](const RateResult& rate) {
      return std::ranges::any_of(rate.losses, [](const auto& loss) { return std::isinf(loss.second); });
    });
  });
  if (!diverged.empty())
    notes.push_back(fmt::format("Some runs diverged, which counts as an infinite loss: {}.", diverged));
  const auto done = std::ranges::count_if(results, &RunResult::done);
  if (next_run(plan, results)) {
    notes.push_back(fmt::format("Not complete: {} of {} runs are done.", done, wanted_runs(plan)));
  }
  return notes;
}

std::string text_of(const ComparisonTable& table) {
  std::vector<std::vector<std::string>> lines = {table.head};
  lines.insert(lines.end(), table.rows.begin(), table.rows.end());
  std::vector<size_t> widths(table.head.size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], columns_of(line[i]));
  }
  std::string text;
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string blanks(widths[i] - columns_of(line[i]), ' ');
      text += i == 0 ? line[i] + blanks : "  " + blanks + line[i];
    }
    text += "\n";
  }
  return text;
}

}  // namespace t6
