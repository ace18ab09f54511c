#include "t6/eval/tasks/formats.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "t6/core/error.h"
#include "t6/eval/tasks/characters.h"
#include "t6/formats/json.h"
#include "t6/text/jinja.h"

namespace t6 {
namespace {

constexpr std::string_view kArcContext = "Question: {{question}}\nAnswer:";
constexpr std::string_view kTextsOfChoices = "{{choices.text|tojson}}";

// Templates that a line is rendered with.
class TemplateFormat : public LineFormat {
 public:
  explicit TemplateFormat(const TaskFormat& format)
      : format_(format),
        context_(format.context),
        choices_(format.choices),
        answer_(format.answer),
        description_(format.description),
        group_(format.group) {}

  TaskLine read(const Json& line, const std::string& source) const override;

 private:
  std::string text(const JinjaTemplate& form, const OrderedJson& fields) const {
    std::string made = form.render(fields);
    return format_.removes_brackets ? remove_brackets(std::move(made)) : made;
  }
  std::vector<std::string> texts(const JinjaTemplate& form, const OrderedJson& fields, const std::string& source) const;
  void read_choices(const OrderedJson& fields, const std::string& source, EvalDocument& document) const;
  std::string shot(const EvalDocument& document) const;

  const TaskFormat& format_;
  JinjaTemplate context_, choices_, answer_, description_, group_;
};

std::vector<std::string> TemplateFormat::texts(const JinjaTemplate& form, const OrderedJson& fields,
                                               const std::string& source) const {
  const Json list = parse_json(form.render(fields), source);
  require(list.is_array() && !list.empty(), "{}: the choices are no list", source);
  std::vector<std::string> result;
  for (const Json& each : list) {
    require(each.is_string(), "{}: a choice is {}, not a text", source, each.dump());
    result.push_back(format_.removes_brackets ? remove_brackets(each.get<std::string>()) : each.get<std::string>());
  }
  return result;
}

// With the space that stands before a choice.
void TemplateFormat::read_choices(const OrderedJson& fields, const std::string& source, EvalDocument& document) const {
  if (format_.answer.empty()) {
    document.contexts = {text(context_, fields)};
    document.texts = {text(choices_, fields)};
    document.lengths = {count_characters(document.texts[0])};
    return;
  }
  std::vector<std::string> choices = texts(format_.contexts_differ ? context_ : choices_, fields, source);
  for (const std::string& choice : choices) document.lengths.push_back(count_characters(choice));
  if (format_.contexts_differ) {
    document.contexts = std::move(choices);
    document.texts = {" " + text(choices_, fields)};
  } else {
    document.contexts = {text(context_, fields)};
    for (const std::string& choice : choices) document.texts.push_back(" " + choice);
  }
  document.answer = parse_answer(answer_.render(fields), document.count(), source);
}

// A single text has its own space already; the harness puts one before it all the same.
std::string TemplateFormat::shot(const EvalDocument& document) const {
  const auto answer = static_cast<size_t>(document.answer);
  return document.context(answer) + (format_.answer.empty() ? " " : "") + document.text(answer) + "\n\n";
}

TaskLine TemplateFormat::read(const Json& line, const std::string& source) const {
  const JsonObject object(line, source);
  for (const std::string_view field : format_.fields) object.at(std::string(field));
  const OrderedJson fields(line);
  TaskLine result;
  try {
    read_choices(fields, source, result.document);
    result.group = group_.render(fields);
    result.description = description_.render(fields);
  } catch (const Error& error) {
    if (std::string_view(error.what()).starts_with(source)) throw;
    fail("{}: not a document of {}: {}", source, format_.name, error.what());
  }
  result.shot = shot(result.document);
  result.key = line.dump();
  return result;
}

}  // namespace

const std::vector<TaskFormat>& task_formats() {
  static const std::vector<TaskFormat> formats = {
      {.name = "arc_easy",
       .fields = {"question", "choices", "answerKey"},
       .context = kArcContext,
       .choices = kTextsOfChoices,
       .answer = "{{choices.label.index(answerKey)}}",
       .normalized = true},
      {.name = "arc_challenge",
       .fields = {"question", "choices", "answerKey"},
       .context = kArcContext,
       .choices = kTextsOfChoices,
       .answer = "{{choices.label.index(answerKey)}}",
       .normalized = true},
      {.name = "boolq",  // super_glue's has a label, the original an answer of true or false
       .fields = {"question", "passage"},
       .context = "{{passage}}\nQuestion: {{question}}?\nAnswer:",
       .choices = R"(["no", "yes"])",
       .answer = "{{label if label is defined else answer|int}}",
       .shots_without_itself = true},
      {.name = "hellaswag",
       .fields = {"activity_label", "ctx_a", "ctx_b", "endings", "label"},
       .context = "{{(activity_label + ': ' + ctx_a + ' ' + ctx_b.capitalize()).strip()}}",
       .choices = "{{endings|map('trim')|list|tojson}}",
       .answer = "{{label}}",
       .normalized = true,
       .removes_brackets = true,
       .shots_without_itself = true},
      {.name = "openbookqa",
       .fields = {"question_stem", "choices", "answerKey"},
       .context = "{{question_stem}}",
       .choices = kTextsOfChoices,
       .answer = "{{choices.label.index(answerKey.lstrip())}}",
       .normalized = true},
      {.name = "piqa",
       .fields = {"goal", "sol1", "sol2", "label"},
       .context = "Question: {{goal}}\nAnswer:",
       .choices = "{{[sol1, sol2]|tojson}}",
       .answer = "{{label}}",
       .normalized = true,
       .shots_without_itself = true},
      {.name = "winogrande",  // the choice is in the context; what comes after the blank is scored
       .fields = {"sentence", "option1", "option2", "answer"},
       .context = "{{[sentence[:sentence.index('_')] + option1, sentence[:sentence.index('_')] + option2]|tojson}}",
       .choices = "{{sentence[sentence.index('_') + 1:].strip()}}",
       .answer = "{{answer|int - 1}}",
       .contexts_differ = true,
       .shots_without_itself = true},
      {.name = "mmlu",
       .fields = {"question", "choices", "answer", "subject"},
       .context = "{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}"
                  "\nAnswer:",
       .choices = R"(["A", "B", "C", "D"])",
       .answer = "{{answer}}",
       .description = "The following are multiple choice questions (with answers) about "
                      "{{subject.split('_')|join(' ')}}.{{'\\n\\n'}}",  // one at a template's end would be lost
       .group = "{{subject}}",
       .first_shots = true},
      {.name = "sciq",
       .fields = {"question", "distractor1", "distractor2", "distractor3", "correct_answer", "support"},
       .context = "{{support.lstrip()}}\nQuestion: {{question}}\nAnswer:",
       .choices = "{{[distractor1, distractor2, distractor3, correct_answer]|tojson}}",
       .answer = "3",
       .normalized = true},
      {.name = "lambada_openai",
       .fields = {"text"},
       .context = "{{text.split(' ')[:-1]|join(' ')}}",
       .choices = "{{' ' + text.split(' ')[-1]}}"},
  };
  return formats;
}

const TaskFormat& task_format(std::string_view name) {
  const std::vector<TaskFormat>& formats = task_formats();
  const auto found = std::ranges::find(formats, name, &TaskFormat::name);
  if (found != formats.end()) return *found;
  std::string names;
  for (const TaskFormat& each : formats) names += (names.empty() ? "" : ", ") + std::string(each.name);
  fail("unknown task \"{}\"; known are {}", name, names);
}

std::unique_ptr<LineFormat> line_format(const TaskFormat& format) { return std::make_unique<TemplateFormat>(format); }

}  // namespace t6
