#include "t6/eval/tasks/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "t6/core/sample_mean.h"

namespace t6 {
namespace {

// The first of them.
template <typename Value>
size_t index_of_greatest(size_t count, const Value& value) {
  size_t best = 0;
  for (size_t i = 1; i < count; ++i) {
    if (value(i) > value(best)) best = i;
  }
  return best;
}

}  // namespace

DocumentScore judge_document(const EvalTask& task, size_t index, std::vector<ChoiceScore> choices) {
  const EvalDocument& document = task.documents[index];
  DocumentScore score{.choices = std::move(choices)};
  if (!task.has_choices) {
    score.right = score.right_normalized = score.choices[0].greedy;
    return score;
  }
  const auto likelihood = [&](size_t i) { return score.choices[i].log_likelihood; };
  score.chosen = index_of_greatest(document.count(), likelihood);
  score.chosen_normalized = index_of_greatest(
      document.count(), [&](size_t i) { return likelihood(i) / static_cast<double>(document.lengths[i]); });
  const auto answer = static_cast<size_t>(document.answer);
  score.right = score.chosen == answer;
  score.right_normalized = score.chosen_normalized == answer;
  return score;
}

Mean pooled_mean(const std::vector<std::vector<double>>& samples) {
  double sum = 0, deviations = 0;
  size_t count = 0, free = 0;
  for (const std::vector<double>& each : samples) {
    if (each.empty()) continue;
    const SampleMean sample = sample_mean(each);
    sum += sample.mean * static_cast<double>(sample.count);
    deviations += sample.squared_deviations;
    count += sample.count;
    free += sample.count - 1;
  }
  Mean result;
  if (count == 0) return result;
  result.value = sum / static_cast<double>(count);
  if (free > 0) result.standard_error = std::sqrt(deviations / static_cast<double>(free) / static_cast<double>(count));
  return result;
}

void TaskTally::add(size_t document, const DocumentScore& score) {
  Values& values = groups_[task_.documents[document].group];
  values.right.push_back(score.right);
  values.normalized.push_back(score.right_normalized);
  values.log_likelihood.push_back(score.choices[0].log_likelihood);
  cut_ += score.cut;
}

TaskScore TaskTally::score(std::string name, const std::vector<size_t>& groups) const {
  const auto samples = [&](std::vector<double> Values::*member) {
    std::vector<std::vector<double>> all;
    for (const size_t group : groups) all.push_back(groups_[group].*member);
    return all;
  };
  TaskScore result{.name = std::move(name)};
  for (const size_t group : groups) result.documents += std::ssize(groups_[group].right);
  result.accuracy = pooled_mean(samples(&Values::right));
  if (task_.has_choices && task_.normalized) result.normalized = pooled_mean(samples(&Values::normalized));
  if (task_.has_choices) return result;
  const Mean likelihood = pooled_mean(samples(&Values::log_likelihood));
  Mean perplexity{.value = std::exp(-likelihood.value)};
  if (likelihood.standard_error) perplexity.standard_error = perplexity.value * *likelihood.standard_error;
  result.perplexity = perplexity;
  return result;
}

TaskResult TaskTally::result() const {
  TaskResult result;
  result.cut = cut_;
  std::vector<size_t> all(groups_.size());
  std::iota(all.begin(), all.end(), size_t{0});
  std::erase_if(all, [&](size_t group) { return groups_[group].right.empty(); });
  result.all = score(task_.name, all);
  if (task_.groups.size() <= 1 && task_.groups.front().empty()) return result;
  std::vector<std::pair<std::string, std::vector<size_t>>> categories;
  for (const size_t group : all) {
    result.groups.push_back(score(task_.groups[group], {group}));
    const std::string name = mmlu_category(task_.groups[group]);
    if (name.empty()) continue;
    auto found = std::ranges::find(categories, name, &decltype(categories)::value_type::first);
    if (found == categories.end()) found = categories.insert(found, {name, {}});
    found->second.push_back(group);
  }
  std::ranges::sort(categories);
  for (const auto& [name, groups] : categories) result.categories.push_back(score(name, groups));
  return result;
}

}  // namespace t6
