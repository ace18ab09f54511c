#include "t6/eval/answer_files.h"

#include <memory>

#include "t6/core/error.h"
#include "t6/eval/answers/json_lines.h"
#include "t6/eval/chinese_words.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

constexpr int64_t kMostTokens = 1 << 20;

std::vector<std::string> right_answers(const JsonObject& line) {
  if (line.has("answers")) return text_list(line, "answers");
  const Json& answer = line.at("answer");
  if (answer.is_string()) return {line.string("answer")};
  if (answer.is_array()) return text_list(line, "answer");
  require(answer.is_number_integer() && line.has("choices"),
          "{}: \"answer\": wanted is a text, a list of texts, or the index of one of \"choices\"", line.source());
  const std::vector<std::string> choices = text_list(line, "choices");
  return {choices.at(static_cast<size_t>(line.integer("answer", 0, std::ssize(choices) - 1)))};
}

}  // namespace

std::vector<AnswerDocument> read_answer_file(const std::filesystem::path& path, int64_t limit) {
  std::vector<AnswerDocument> documents;
  read_json_lines(path, limit, [&](const JsonObject& line) {
    AnswerDocument document{.name = line.source()};
    document.groups = {line.string_or("task", path.stem().string())};
    document.prompt = line.string("context");
    document.answer_prefix = line.string_or("answer_prefix", "");
    require(document.prompt.ends_with(document.answer_prefix), "{}: \"context\" does not end with \"answer_prefix\"",
            line.source());
    document.metric = line.string_or("metric", "contains_any");
    document.key.answers = right_answers(line);
    if (line.has("all_classes")) document.key.classes = text_list(line, "all_classes");
    document.max_tokens = line.integer_or("max_tokens", document.max_tokens, 1, kMostTokens);
    if (line.has("stop")) document.stop = text_list(line, "stop");
    documents.push_back(std::move(document));
  });
  return documents;
}

void add_chinese_words(std::vector<AnswerDocument>& documents, const std::filesystem::path& folder) {
  std::shared_ptr<const ChineseWords> words;
  for (AnswerDocument& document : documents) {
    try {
      if (!answer_metric(document.metric).needs_chinese_words) continue;
      if (!words) words = std::make_shared<const ChineseWords>(folder);
    } catch (const Error& error) {
      fail("{}: {}", document.name, error.what());
    }
    document.key.words = words;
  }
}

}  // namespace t6
