// What the likelihoods of a document's choices come to: the right choice or not, means over documents, standard errors.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "t6/eval/task_scores.h"

namespace t6 {

// All but `cut`, from the scores of the document's choices.
DocumentScore judge_document(const EvalTask& task, size_t document, std::vector<ChoiceScore> choices);

class TaskTally {
 public:
  // The task outlives this.
  explicit TaskTally(const EvalTask& task) : task_(task), groups_(task.groups.size()) {}

  void add(size_t document, const DocumentScore& score);
  // Of all that was added; groups without a document are left out.
  TaskResult result() const;

 private:
  struct Values {
    std::vector<double> right, normalized, log_likelihood;
  };
  TaskScore score(std::string name, const std::vector<size_t>& groups) const;

  const EvalTask& task_;
  std::vector<Values> groups_;
  int64_t cut_ = 0;
};

// The mean and its standard error from the sample's deviation, sqrt(sum (x - mean)^2 / (n - 1)) / sqrt(n). Several
// samples: the mean of all values, and the error from the pooled variance of the samples, which each have a mean of
// their own.
Mean pooled_mean(const std::vector<std::vector<double>>& samples);

}  // namespace t6
