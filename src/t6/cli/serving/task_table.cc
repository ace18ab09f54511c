#include "t6/cli/serving/task_table.h"

#include <algorithm>
#include <cstdio>

#include "t6/core/error.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"
#include "t6/numbers/cache_type.h"

namespace t6 {
namespace {

std::string format_mean(const std::optional<Mean>& mean, int digits) {
  if (!mean) return "-";
  if (!mean->standard_error) return fmt::format("{:.{}f}", mean->value, digits);
  return fmt::format("{:.{}f} ± {:.{}f}", mean->value, digits, *mean->standard_error, digits);
}

void print_row(const std::string& name, const std::string& documents, const std::string& acc, const std::string& norm,
               const std::string& perplexity) {
  fmt::print("{:<20}{:>10}{:>18}{:>18}{}\n", name, documents, acc, norm,
             perplexity.empty() ? "" : fmt::format("{:>18}", perplexity));
}

void print_score(const TaskScore& score, const std::string& indent, bool perplexities) {
  print_row(indent + score.name, format_digits(score.documents), format_mean(score.accuracy, 4),
            format_mean(score.normalized, 4), perplexities ? format_mean(score.perplexity, 2) : "");
}

// Of acc, and of acc_norm where a task has it and acc where it has none.
struct Average {
  double accuracy = 0, normalized = 0;
};

std::optional<Average> average(const TaskTable& table) {
  if (!table.whole || table.results.empty()) return std::nullopt;
  Average sum;
  for (const TaskResult& each : table.results) {
    sum.accuracy += each.all.accuracy.value;
    sum.normalized += each.all.normalized.value_or(each.all.accuracy).value;
  }
  const auto count = static_cast<double>(table.results.size());
  return Average{sum.accuracy / count, sum.normalized / count};
}

void add_mean(Json& json, const std::string& name, const std::optional<Mean>& mean) {
  if (!mean) return;
  json[name] = mean->value;
  json[name + "_stderr"] = mean->standard_error ? Json(*mean->standard_error) : Json();
}

Json score_json(const TaskScore& score) {
  Json json = {{"name", score.name}, {"documents", score.documents}};
  add_mean(json, "acc", score.accuracy);
  add_mean(json, "acc_norm", score.normalized);
  add_mean(json, "perplexity", score.perplexity);
  return json;
}

Json result_json(const TaskResult& result) {
  Json json = score_json(result.all);
  json["cut"] = result.cut;
  json["seconds"] = result.seconds;
  for (const TaskScore& each : result.categories) json["categories"].push_back(score_json(each));
  for (const TaskScore& each : result.groups) json["subjects"].push_back(score_json(each));
  return json;
}

Json choice_json(const ChoiceScore& choice) {
  return {{"log_likelihood", choice.log_likelihood}, {"tokens", choice.tokens}, {"greedy", choice.greedy}};
}

}  // namespace

void print_table(const TaskTable& table) {
  const bool perplexities =
      std::ranges::any_of(table.results, [](const TaskResult& each) { return each.all.perplexity.has_value(); });
  int64_t documents = 0;
  print_row("task", "documents", "acc", "acc_norm", perplexities ? "perplexity" : "");
  for (const TaskResult& each : table.results) {
    if (each.all.documents == 0) continue;
    documents += each.all.documents;
    print_score(each.all, "", perplexities);
    for (const TaskScore& category : each.categories) print_score(category, "  ", perplexities);
  }
  const std::optional<Average> mean = average(table);
  if (mean && table.results.size() > 1) {
    print_row("average", "", fmt::format("{:.4f}", mean->accuracy), fmt::format("{:.4f}", mean->normalized),
              perplexities ? "-" : "");
  }
  fmt::print("{}{} documents in {}\n", table.whole ? "" : "interrupted: ", format_digits(documents),
             format_seconds(table.seconds));
}

void print_document(const EvalTask& task, size_t index, const DocumentScore& score) {
  const EvalDocument& document = task.documents[index];
  Json json = {{"task", task.name}, {"document", index}, {"acc", static_cast<int>(score.right)}};
  if (const std::string& subject = task.groups[document.group]; !subject.empty()) json["subject"] = subject;
  if (score.cut) json["cut"] = true;
  if (task.has_choices) {
    json["answer"] = document.answer;
    json["chosen"] = score.chosen;
    if (task.normalized) json["acc_norm"] = static_cast<int>(score.right_normalized);
    for (const ChoiceScore& each : score.choices) json["choices"].push_back(choice_json(each));
  } else {
    json.update(choice_json(score.choices[0]));
  }
  fmt::print("{}\n", json.dump());
}

void print_summary(const TaskTable& table, const std::string& model, NumberType cache_type,
                   const TaskOptions& options) {
  Json summary = {{"model", model},
                  {"cache_type", cache_type_name(cache_type)},
                  {"shots", options.shots},
                  {"limit", options.limit},
                  {"interrupted", !table.whole},
                  {"seconds", table.seconds},
                  {"tasks", Json::array()}};
  for (const TaskResult& each : table.results) {
    if (each.all.documents > 0) summary["tasks"].push_back(result_json(each));
  }
  if (const std::optional<Average> mean = average(table)) {
    summary["average"] = {{"acc", mean->accuracy}, {"acc_norm", mean->normalized}};
  }
  fmt::print("{}\n", Json{{"summary", summary}}.dump());
}

}  // namespace t6
