// What a model makes of downstream tasks: log-likelihoods of choices, accuracies and their standard errors, as
// lm-evaluation-harness defines them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/eval/tasks.h"
#include "t6/infer/load.h"

namespace t6 {

struct ChoiceScore {
  double log_likelihood = 0;  // natural logarithm, of all tokens of the text together
  int64_t tokens = 0;
  bool greedy = true;  // each of its tokens is the likeliest one
};

struct DocumentScore {
  std::vector<ChoiceScore> choices;
  size_t chosen = 0;                             // the likeliest choice
  size_t chosen_normalized = 0;                  // by log-likelihood per character
  bool right = false, right_normalized = false;  // of a single text: whether it is greedy, both
  bool cut = false;                              // a context did not fit and lost its beginning
};

struct Mean {
  double value = 0;
  std::optional<double> standard_error = {};  // none of a single document
};

// Of all documents scored, or of those of one group of subjects.
struct TaskScore {
  std::string name;
  int64_t documents = 0;
  Mean accuracy = {};
  std::optional<Mean> normalized = {};  // acc_norm
  std::optional<Mean> perplexity = {};  // of tasks with single texts; the error is a first-order estimate
};

struct TaskResult {
  TaskScore all;
  std::vector<TaskScore> categories;  // of MMLU
  std::vector<TaskScore> groups;      // subjects, where there are any
  int64_t cut = 0;                    // documents whose contexts lost their beginning
  double seconds = 0;
};

struct ScoringOptions {
  NumberType cache_type = NumberType::f32;
  const CancelToken* cancel = nullptr;  // looked at between batches of documents: the result is of what was scored
};

// `take` gets each document's score, in their order. Errors: what encode_text refuses; the document is named.
TaskResult score_task(Context& context, const LoadedModel& loaded, const EvalTask& task, const ScoringOptions& options,
                      const std::function<void(size_t document, const DocumentScore& score)>& take);

}  // namespace t6
