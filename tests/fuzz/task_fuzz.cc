// Any bytes as a line of a task's file: an Error or a document. The input: a byte that chooses the task, the line.
#include <string_view>

#include "t6/core/error.h"
#include "t6/eval/tasks/formats.h"
#include "t6/formats/json.h"

namespace {

void read_line(uint8_t choice, std::string_view line) {
  const auto& formats = t6::task_formats();
  const size_t index = choice % (formats.size() + 1);
  const auto format = index < formats.size() ? t6::line_format(formats[index]) : t6::plain_line_format();
  const t6::TaskLine read = format->read(t6::parse_json(line, "line"), "line");
  const t6::EvalDocument& document = read.document;
  if (document.answer < 0 || static_cast<size_t>(document.answer) >= document.count()) __builtin_trap();
  for (size_t i = 0; i < document.count(); ++i) (void)(document.context(i) + document.text(i));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  try {
    read_line(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  } catch (const t6::Error&) {
  }
  return 0;
}
