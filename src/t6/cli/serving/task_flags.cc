#include "t6/cli/serving/task_flags.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/program.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/task_table.h"
#include "t6/core/error.h"
#include "t6/core/stopwatch.h"

namespace t6 {
namespace {

// All are read before the first is scored, so that what is wrong with the last shows at once.
std::vector<EvalTask> read_tasks(const TaskFlags& flags) {
  std::vector<std::string> names = flags.names;
  if (names == std::vector<std::string>{"all"}) names = task_names();
  std::vector<EvalTask> tasks;
  for (const std::string& name : names) tasks.push_back(read_task(name, flags.folder, flags.options));
  for (const std::string& file : flags.files) tasks.push_back(read_task_file(file, flags.options));
  for (size_t i = 0; i < tasks.size(); ++i) {
    const bool again = std::any_of(tasks.begin(), tasks.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&](const EvalTask& each) { return each.name == tasks[i].name; });
    require(!again, "two tasks are called {}", tasks[i].name);
    print_notes(tasks[i].notes);
  }
  return tasks;
}

TaskResult score(Context& context, const LoadedModel& loaded, const EvalTask& task, const ScoringOptions& options,
                 bool json) {
  ProgressBar bar(task.name, std::ssize(task.documents), "documents");
  int64_t done = 0, right = 0;
  TaskResult result = score_task(context, loaded, task, options, [&](size_t index, const DocumentScore& score) {
    right += score.right;
    ++done;
    if (json) {
      bar.hide();
      print_document(task, index, score);
    }
    bar.update(done, fmt::format("acc {:.3f}", static_cast<double>(right) / static_cast<double>(done)));
  });
  bar.finish();
  if (result.cut > 0) {
    print_notes(
        {fmt::format("{}: {} documents do not fit into the model's context of {} tokens and lost their beginning",
                     task.name, result.cut, loaded.config().max_position_embeddings)});
  }
  return result;
}

}  // namespace

void add_task_flags(CLI::App& command, CLI::App& source, TaskFlags& flags) {
  std::string names;
  for (const std::string& name : task_names()) names += (names.empty() ? "" : ", ") + name;
  source.add_option("--tasks", flags.names, "Downstream tasks, with commas between them, or all: " + names)
      ->delimiter(',');
  source.add_option("--task-file", flags.files,
                    "A task of your own: lines of JSON with context, choices and answer (docs/evaluating.md); several "
                    "are allowed");
  command.add_option("--task-data", flags.folder, "Folder with the tasks' files; 'make tasks' fetches them")
      ->capture_default_str();
  command.add_option("--shots", flags.options.shots, "Solved documents before each document of a task")
      ->check(count_from(0))
      ->capture_default_str();
}

void run_tasks(const TaskFlags& flags, const std::string& model, NumberType cache_type, int threads, bool json) {
  const std::vector<EvalTask> tasks = read_tasks(flags);
  Context context(threads);
  const LoadedModel loaded = load_model(context, model);
  print_notes(loaded.notes);
  catch_interrupts();
  const Stopwatch time;
  TaskTable table;
  for (const EvalTask& task : tasks) {
    if (interrupt_token().cancelled()) break;
    table.results.push_back(score(context, loaded, task, {cache_type, &interrupt_token()}, json));
  }
  table.whole = !interrupt_token().cancelled();
  table.seconds = time.seconds();
  if (json) {
    print_summary(table, model, cache_type, flags.options);
  } else {
    print_table(table);
  }
}

}  // namespace t6
