// The part of 't6 eval' that scores downstream tasks: its flags, and what it prints.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "t6/eval/task_scores.h"

namespace t6 {

struct TaskFlags {
  std::vector<std::string> names, files;
  std::string folder = "data/tasks";
  TaskOptions options;

  bool given() const { return !names.empty() || !files.empty(); }
};

// Adds --tasks and --task-file to `source`, and --task-data, --shots and --limit to the command.
void add_task_flags(CLI::App& command, CLI::App& source, TaskFlags& flags);
// Throws a usage error where flags about texts and flags about tasks were given together.
void check_task_flags(const CLI::App& command, const TaskFlags& flags);

// Reads the tasks, scores them and prints a table, or with `json` a line for each document and one for all.
void run_tasks(const TaskFlags& flags, const std::string& model, NumberType cache_type, int threads, bool json);

}  // namespace t6
