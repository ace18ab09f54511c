// Every number of a comparison as JSON, and lists of it as CSV.
#include <cmath>

#include "t6/compare/output.h"
#include "t6/numbers/cache_type.h"

namespace t6 {
namespace {

using Ordered = nlohmann::ordered_json;

Ordered finite_or_null(double value) { return std::isfinite(value) ? Ordered(value) : Ordered(); }
template <typename T>
Ordered known(const std::optional<T>& value) {
  return value ? Ordered(*value) : Ordered();
}

Ordered model_json(const Plan& plan, const Configuration& each, const ConfigurationResult& result) {
  const RateResult* rate = result.chosen ? &result.rates[*result.chosen] : nullptr;
  return {{"model", each.name},
          {"kind", attention_kind_name(each.model.attention_kind)},
          {"parameters", each.parameters},
          {"layers", each.model.num_hidden_layers},
          {"width", each.model.hidden_size},
          {"heads", each.model.num_attention_heads},
          {"head_dim", each.model.head_dim},
          {"feed_forward", each.model.feed_forward_dim()},
          {"cache_bytes_per_token", each.cache_bytes},
          {"learning_rate", rate ? known(learning_rate(plan, rate->rate)) : Ordered()},
          {"optimizer", each.optimizer.empty() ? Ordered() : Ordered(each.optimizer)},
          {"at_edge", result.at_edge},
          {"seeds", result.loss.count},
          {"validation_loss", finite_or_null(result.loss.mean)},
          {"validation_loss_95", finite_or_null(result.loss.half_width)},
          {"difference", finite_or_null(result.difference.mean)},
          {"difference_95", finite_or_null(result.difference.half_width)},
          {"validation_accuracy", finite_or_null(result.accuracy.mean)},
          {"validation_accuracy_95", finite_or_null(result.accuracy.half_width)},
          {"accuracy_difference", finite_or_null(result.accuracy_difference.mean)},
          {"accuracy_difference_95", finite_or_null(result.accuracy_difference.half_width)},
          {"test_accuracy", finite_or_null(result.test_accuracy.mean)},
          {"test_accuracy_95", finite_or_null(result.test_accuracy.half_width)},
          {"perplexity", finite_or_null(result.perplexity)},
          {"bits_per_byte", finite_or_null(result.bits_per_byte)},
          {"training_tokens_per_second", finite_or_null(result.training_rate)},
          {"decoding_tokens_per_second", finite_or_null(result.decoding_rate)}};
}

Ordered rates_json(const Plan& plan, const std::vector<ConfigurationResult>& summary) {
  Ordered rows = Ordered::array();
  for (size_t i = 0; i < summary.size(); ++i) {
    for (size_t j = 0; j < summary[i].rates.size(); ++j) {
      const RateResult& rate = summary[i].rates[j];
      rows.push_back({{"model", plan.configurations[i].name},
                      {"learning_rate", known(learning_rate(plan, rate.rate))},
                      {"search_loss", finite_or_null(rate.search_loss)},
                      {"chosen", summary[i].chosen == j}});
    }
  }
  return rows;
}

Ordered run_json(const Plan& plan, const ComparisonRun& run, const RunResult& result) {
  return {{"run", run.name},
          {"model", plan.configurations[run.configuration].name},
          {"learning_rate", known(learning_rate(plan, run.rate))},
          {"seed", run.seed},
          {"step", result.step},
          {"tokens", result.tokens},
          {"finished", result.finished},
          {"diverged", result.diverged},
          {"validation_loss", known(result.loss)},
          {"bits_per_byte", known(result.bits_per_byte)},
          {"validation_accuracy", known(result.accuracy)},
          {"test_accuracy", known(result.test_accuracy)},
          {"training_tokens_per_second", known(result.training_rate)},
          {"seconds", result.seconds}};
}

std::string csv_cell(const Ordered& value) {
  if (value.is_null()) return "";
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

Ordered results_json(const Plan& plan, const std::vector<ConfigurationResult>& summary,
                     const std::vector<RunResult>& results) {
  Ordered models = Ordered::array(), runs = Ordered::array(), curves = Ordered::array();
  for (size_t i = 0; i < summary.size(); ++i) models.push_back(model_json(plan, plan.configurations[i], summary[i]));
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    if (!results[i].done() && results[i].step == 0) continue;
    runs.push_back(run_json(plan, plan.runs[i], results[i]));
    for (const ValidationRecord& record : results[i].curve) {
      curves.push_back({{"run", plan.runs[i].name},
                        {"step", record.step},
                        {"tokens", record.tokens},
                        {"validation_loss", finite_or_null(record.loss)},
                        {"bits_per_byte", finite_or_null(record.bits_per_byte)},
                        {"validation_accuracy", finite_or_null(record.accuracy)}});
    }
  }
  const Experiment& experiment = plan.experiment;
  return {{"experiment",
           {{"file", experiment.source},
            {"baseline", experiment.baseline},
            {"seeds", experiment.seeds},
            {"search_seeds", experiment.search_seeds},
            {"learning_rates", experiment.learning_rates},
            {"cache_type", cache_type_name(experiment.match.cache_type)},
            {"complete", !next_run(plan, results).has_value()}}},
          {"models", models},
          {"rates", rates_json(plan, summary)},
          {"runs", runs},
          {"curves", curves}};
}

std::string csv_of(const Ordered& rows) {
  std::string text;
  const auto add = [&](const Ordered& row, bool keys) {
    std::string line;
    for (const auto& [key, value] : row.items())
      line += (line.empty() ? "" : ",") + csv_cell(keys ? Ordered(key) : value);
    text += line + "\n";
  };
  if (!rows.empty()) add(rows[0], true);
  for (const Ordered& row : rows) add(row, false);
  return text;
}

}  // namespace t6
