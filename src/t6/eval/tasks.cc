#include "t6/eval/tasks.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/eval/tasks/formats.h"
#include "t6/eval/tasks/shots.h"
#include "t6/formats/json.h"
#include "t6/text/documents.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEndings[] = {".jsonl", ".jsonl.gz", ".jsonl.zst"};

struct Line {
  TaskLine content;
  std::string source;
};

std::vector<Line> read_lines(const fs::path& path, const LineFormat& format) {
  DocumentReader reader(find_documents({path}), {.format = TextFormat::jsonl});
  std::vector<Line> lines;
  for (DocumentPart part; reader.next(part);) {
    std::string source = fmt::format("{}:{}", path.string(), part.position);
    lines.push_back({format.read(parse_json(part.bytes, source), source), std::move(source)});
  }
  require(!lines.empty(), "{}: holds no documents", path.string());
  return lines;
}

// FOLDER/NAME with the ending of the file that is there; empty: none.
fs::path find_lines(const fs::path& folder, const std::string& name) {
  for (const char* ending : kEndings) {
    if (path_exists(folder / (name + ending))) return folder / (name + ending);
  }
  return {};
}

// The file's name without its ending, and without the one of a compressed file.
std::string name_of(const fs::path& path) {
  const fs::path name = path.filename(), ending = name.extension();
  return (ending == ".gz" || ending == ".zst" ? name.stem().stem() : name.stem()).string();
}

class TaskMaker {
 public:
  TaskMaker(std::string name, const LineFormat& format, ShotChoice choice, const TaskOptions& options)
      : format_(format), choice_(choice), options_(options) {
    task_.name = std::move(name);
  }

  // `shots` is the file of solved documents; empty: they are the task's own.
  EvalTask make(const fs::path& path, const fs::path& shots);

 private:
  std::vector<TaskLine> shot_pool(const std::vector<Line>& lines, const fs::path& shots);
  bool within_limit(const std::string& group);
  void add(const Line& line, const std::string& before);

  EvalTask task_;
  const LineFormat& format_;
  ShotChoice choice_;
  TaskOptions options_;
  std::map<std::string, int64_t> counts_;  // documents of each group
};

std::vector<TaskLine> TaskMaker::shot_pool(const std::vector<Line>& lines, const fs::path& shots) {
  std::vector<TaskLine> pool;
  if (options_.shots == 0) return pool;
  const std::vector<Line> read = shots.empty() ? std::vector<Line>() : read_lines(shots, format_);
  for (const Line& line : shots.empty() ? lines : read) pool.push_back(line.content);
  if (shots.empty()) {
    task_.notes.push_back(fmt::format("{}: there is no {}.fewshot.jsonl, so the shots are documents of the task{}",
                                      task_.name, task_.name,
                                      choice_ == ShotChoice::drawn ? ", the one that is asked among them" : ""));
  }
  return pool;
}

bool TaskMaker::within_limit(const std::string& group) {
  return ++counts_[group] <= options_.limit || options_.limit == 0;
}

void TaskMaker::add(const Line& line, const std::string& before) {
  EvalDocument document = line.content.document;
  for (std::string& context : document.contexts) context.insert(0, before);
  auto group = std::ranges::find(task_.groups, line.content.group);
  if (group == task_.groups.end()) group = task_.groups.insert(group, line.content.group);
  document.group = static_cast<size_t>(group - task_.groups.begin());
  task_.documents.push_back(std::move(document));
}

EvalTask TaskMaker::make(const fs::path& path, const fs::path& shots) {
  const std::vector<Line> lines = read_lines(path, format_);
  const std::vector<TaskLine> pool = shot_pool(lines, shots);
  Shots before(pool, choice_, options_.shots);
  for (const Line& line : lines) {
    if (within_limit(line.content.group)) add(line, before.before(line.content, line.source));
  }
  std::ranges::stable_sort(task_.documents, {}, &EvalDocument::group);
  return std::move(task_);
}

ShotChoice shot_choice(const TaskFormat& format) {
  if (format.first_shots) return ShotChoice::first;
  return format.shots_without_itself ? ShotChoice::without_itself : ShotChoice::drawn;
}

}  // namespace

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const TaskFormat& each : task_formats()) names.emplace_back(each.name);
  return names;
}

EvalTask read_task(const std::string& name, const fs::path& folder, const TaskOptions& options) {
  const TaskFormat& format = task_format(name);
  const fs::path path = find_lines(folder, name), shots = find_lines(folder, name + ".fewshot");
  require(!path.empty(), "{}: no {}.jsonl there: 'make tasks' fetches the tasks into data/tasks", folder.string(),
          name);
  require(options.shots == 0 || !format.first_shots || !shots.empty(),
          "{}: no {}.fewshot.jsonl there, from which the shots come", folder.string(), name);
  const std::unique_ptr<LineFormat> lines = line_format(format);
  EvalTask task = TaskMaker(name, *lines, shot_choice(format), options).make(path, shots);
  task.has_choices = !format.answer.empty();
  task.normalized = format.normalized;
  return task;
}

EvalTask read_task_file(const fs::path& path, const TaskOptions& options) {
  const std::string name = name_of(path);
  const std::unique_ptr<LineFormat> lines = plain_line_format();
  EvalTask task = TaskMaker(name, *lines, ShotChoice::without_itself, options)
                      .make(path, find_lines(path.parent_path(), name + ".fewshot"));
  task.has_choices = task.normalized = task.documents.front().count() > 1;
  for (size_t i = 0; i < task.documents.size(); ++i) {
    require((task.documents[i].count() > 1) == task.has_choices, "{}: document {} has {}choices, the first one has {}",
            path.string(), i + 1, task.has_choices ? "no " : "", task.has_choices ? "some" : "none");
  }
  return task;
}

}  // namespace t6
