// Downstream tasks: documents with choices, or with one text, of which a model says how likely they are. The prompts
// are those of lm-evaluation-harness, to the character.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace t6 {

// What is put to a model: `count()` pairs of a context and a text that goes on after it.
struct EvalDocument {
  std::vector<std::string> contexts;  // one for all choices, or one for each
  std::vector<std::string> texts;     // one for each choice, or one for all
  std::vector<int64_t> lengths;       // of each choice in characters, by which acc_norm divides
  int64_t answer = 0;                 // the right choice
  size_t group = 0;                   // in EvalTask::groups

  size_t count() const { return lengths.size(); }
  const std::string& context(size_t choice) const { return contexts[contexts.size() == 1 ? 0 : choice]; }
  const std::string& text(size_t choice) const { return texts[texts.size() == 1 ? 0 : choice]; }
};

struct EvalTask {
  std::string name;
  bool has_choices = true;          // false: one text, whose likelihood and greedy match are what is measured
  bool normalized = true;           // acc_norm is measured, too
  std::vector<std::string> groups;  // subjects, whose documents lie together; one where there are none
  std::vector<EvalDocument> documents;
  std::vector<std::string> notes;  // what a user should know of the files, a line each
};

struct TaskOptions {
  int64_t shots = 0;  // solved documents before each document
  int64_t limit = 0;  // only so many documents, of tasks with subjects so many of each subject; 0: all
};

// The names that read_task knows, in the order of the paper's table.
std::vector<std::string> task_names();

// A task of that name from `folder`/NAME.jsonl, whose lines have the data set's own fields; also .jsonl.gz and
// .jsonl.zst. Shots come from NAME.fewshot.jsonl where there is one, else from the documents themselves, drawn as the
// harness draws them with its default seed. Errors: an unknown name, no such file, a line that is no document of this
// task, more shots than there are documents for them.
EvalTask read_task(const std::string& name, const std::filesystem::path& folder, const TaskOptions& options);

// A task from a file of lines with `context`, `choices` and `answer` (docs/evaluating.md), called by the file's name.
// Shots as in read_task, never the document itself. Errors: the same.
EvalTask read_task_file(const std::filesystem::path& path, const TaskOptions& options);

// The group of subjects that an MMLU subject belongs to ("stem"); empty: none.
std::string mmlu_category(const std::string& subject);

}  // namespace t6
