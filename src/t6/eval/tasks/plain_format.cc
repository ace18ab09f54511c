#include <algorithm>
#include <memory>
#include <utility>

#include "t6/core/error.h"
#include "t6/eval/tasks/characters.h"
#include "t6/eval/tasks/formats.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

// The index of a choice, given as a number or as the choice itself.
int64_t plain_answer(const JsonObject& line, const std::vector<std::string>& choices) {
  const Json& answer = line.at("answer");
  if (!answer.is_string()) return line.integer("answer", 0, std::ssize(choices) - 1);
  const std::string text = answer.get<std::string>();
  const auto same = std::ranges::count(choices, text);
  require(same == 1, "{}: the answer \"{}\" is {} of the choices, not one", line.source(), text, same);
  return std::ranges::find(choices, text) - choices.begin();
}

std::vector<std::string> plain_choices(const JsonObject& line) {
  const Json& list = line.at("choices");
  require(list.is_array() && list.size() >= 2, "{}: choices must be a list of two texts or more", line.source());
  std::vector<std::string> choices;
  for (const Json& each : list) {
    require(each.is_string(), "{}: choices must be texts, not {}", line.source(), each.dump());
    choices.push_back(each.get<std::string>());
  }
  return choices;
}

class PlainFormat : public LineFormat {
 public:
  TaskLine read(const Json& value, const std::string& source) const override {
    const JsonObject line(value, source);
    const bool has_choices = line.has("choices");
    const std::vector<std::string> choices =
        has_choices ? plain_choices(line) : std::vector<std::string>{line.string("answer")};
    const std::string delimiter = line.string_or("delimiter", " ");
    TaskLine result;
    EvalDocument& document = result.document;
    document.contexts = {line.string("context")};
    for (const std::string& choice : choices) {
      document.texts.push_back(delimiter + choice);
      document.lengths.push_back(count_characters(choice));
    }
    if (has_choices) document.answer = plain_answer(line, choices);
    result.shot = document.contexts[0] + document.texts[static_cast<size_t>(document.answer)] + "\n\n";
    result.key = value.dump();
    return result;
  }
};

}  // namespace

std::unique_ptr<LineFormat> plain_line_format() { return std::make_unique<PlainFormat>(); }

}  // namespace t6
