// t6 task: documents of a task for long contexts, a JSON object a line.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/task_json.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/text/tokenizer.h"

namespace t6 {
namespace {

struct TaskCommandOptions {
  std::string name, tokenizer, haystack, questions;
  TaskSettings settings;
  int64_t count = 1, first = 0;
  std::optional<int64_t> depth, key_letters;
  bool list = false;
};

void print_list() {
  for (const TaskKind& kind : task_kinds()) fmt::print("{:<18}{}\n", kind.name, kind.words);
}

TaskSettings settings_of(const TaskCommandOptions& options) {
  TaskSettings settings = options.settings;
  settings.depth = options.depth;
  settings.key_letters = options.key_letters;
  if (!options.haystack.empty()) {
    settings.haystack = read_text(options.haystack);
    require(count_words(settings.haystack) > 0, "{}: no text", options.haystack);
  }
  if (!options.questions.empty()) {
    settings.questions = std::make_shared<QuestionSet>(read_questions(options.questions));
  }
  if (!options.tokenizer.empty()) settings.count = token_counter(load_tokenizer(options.tokenizer));
  return settings;
}

void run(const TaskCommandOptions& options) {
  if (options.list) return print_list();
  if (options.name.empty()) throw CLI::RequiredError("name");
  catch_interrupts();
  const TaskKind& kind = task_kind(options.name);
  const TaskSettings settings = settings_of(options);
  for (int64_t i = 0; i < options.count && !interrupt_token().cancelled(); ++i) {
    const TaskDocument document = make_task(kind, settings, options.first + i);
    fmt::print("{}\n", task_json(kind, document).dump(-1, ' ', false, Json::error_handler_t::replace));
  }
}

void add_length_flags(CLI::App& command, TaskCommandOptions& options) {
  auto* length =
      command
          .add_option("--length", options.settings.length,
                      "Length of a context at most, in words between white space (default: 1024, of listops 501 to "
                      "1,999 as in Long Range Arena)")
          ->check(count_from(1));
  command
      .add_option("--tokenizer", options.tokenizer,
                  "Count the length in tokens of this model (its folder, a GGUF file or a tokenizer.json)")
      ->needs(length);
}

void add_content_flags(CLI::App& command, TaskCommandOptions& options) {
  command.add_option("--depth", options.depth, "Where a single needle lies, in per cent (default: at random)")
      ->check(CLI::Range(int64_t{0}, int64_t{100}).description(""));
  command.add_option("--haystack", options.haystack,
                     "A text file in which needles are hidden (default: RULER's five sentences of noise)");
  command.add_option("--key-letters", options.key_letters, "Letters of recall's keys, 1 to 4 (default: 4)")
      ->check(CLI::Range(int64_t{1}, int64_t{4}).description(""));
  command.add_option("--questions", options.questions, "For qa: a file in the form of SQuAD 1.1 or 2.0");
}

}  // namespace

void add_task(CLI::App& app) {
  auto options = std::make_shared<TaskCommandOptions>();
  CLI::App* command = app.add_subcommand("task", "Write documents of a task for long contexts, with their answers");
  auto* list = command->add_flag("--list", options->list, "Print the names of the tasks");
  command->add_option("name", options->name, "The task, one that --list names");
  add_length_flags(*command, *options);
  command->add_option("--count", options->count, "Documents to write")->check(count_from(1))->capture_default_str();
  command->add_option("--first", options->first, "The number of the first document")
      ->check(count_from(0))
      ->capture_default_str();
  command->add_option("--seed", options->settings.seed, "The same seed gives the same lines")->capture_default_str();
  add_content_flags(*command, *options);
  for (CLI::Option* other : command->get_options({})) {
    if (other != list && other->get_name() != "--help") list->excludes(other);
  }
  command->footer(
      "A line holds context, answer (and choices, or answers where several texts are right or wanted), and how an\n"
      "answer is scored: 't6 eval --answers FILE' reads it.\n"
      "Examples:\n"
      "  t6 task --list\n"
      "  t6 task listops --length 500 --count 100 --seed 1 > listops.jsonl\n"
      "  t6 task niah_multikey_1 --tokenizer model.gguf --length 4096 --haystack essays.txt > needles.jsonl\n"
      "  t6 task qa --questions dev-v2.0.json --length 8000 --count 50 > qa.jsonl");
  command->callback([=] { run(*options); });
}

}  // namespace t6
