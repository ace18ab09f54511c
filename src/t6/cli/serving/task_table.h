// How scores of tasks are printed: a table, or lines of JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "t6/eval/task_scores.h"

namespace t6 {

struct TaskTable {
  std::vector<TaskResult> results;
  bool whole = true;  // false: interrupted
  double seconds = 0;
};

void print_table(const TaskTable& table);

// A line of JSON for a document, and the last one, for all.
void print_document(const EvalTask& task, size_t index, const DocumentScore& score);
void print_summary(const TaskTable& table, const std::string& model, NumberType cache_type, const TaskOptions& options);

}  // namespace t6
