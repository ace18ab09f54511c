// How a line of a data set becomes a document: a row of templates for each task.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "t6/eval/tasks.h"
#include "t6/formats/json_object.h"

namespace t6 {

// Templates are Jinja over the line's fields.
struct TaskFormat {
  std::string_view name;
  std::vector<std::string_view> fields = {};  // keys that each line must have
  std::string_view context;           // the text before; with `contexts_differ` a JSON list, one for each choice
  std::string_view choices;           // a JSON list; the one text after them where contexts differ or there are none
  std::string_view answer = "";       // the right choice's index; empty: a single text
  std::string_view description = "";  // before the shots
  std::string_view group = "";        // the subject; empty: the task has none
  bool normalized = false;
  bool contexts_differ = false;
  bool removes_brackets = false;      // "[header]", "[step]" and their kind, as HellaSwag's texts have them
  bool shots_without_itself = false;  // one more shot is drawn, so that the document itself can be left out
  bool first_shots = false;           // the first documents for shots of the same subject, not drawn ones
};

const std::vector<TaskFormat>& task_formats();
// Error: unknown; the message names all.
const TaskFormat& task_format(std::string_view name);

// A document, and the texts of which a prompt is made.
struct TaskLine {
  EvalDocument document;
  std::string group, description;
  std::string shot;  // the document with its answer, as it stands before another one
  std::string key;   // the same for equal documents alone
};

// Reads lines of one task.
class LineFormat {
 public:
  virtual ~LineFormat() = default;
  // Error: the line is no document of this task; `source` names it.
  virtual TaskLine read(const Json& line, const std::string& source) const = 0;
};
std::unique_ptr<LineFormat> line_format(const TaskFormat& format);
// Lines with `context`, `choices` and `answer`.
std::unique_ptr<LineFormat> plain_line_format();

}  // namespace t6
