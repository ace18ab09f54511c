#include "t6/cli/serving/task_json.h"

#include <fmt/format.h>

#include <utility>

namespace t6 {

OrderedJson task_json(const TaskKind& kind, const TaskDocument& document) {
  OrderedJson json;
  json["task"] = kind.name;
  json["context"] = document.context;
  if (!document.answer_prefix.empty()) json["answer_prefix"] = document.answer_prefix;
  if (!document.choices.empty()) json["choices"] = document.choices;
  const bool all = document.metric == "contains_all";
  json["answer"] = all ? fmt::format("{}", fmt::join(document.answers, ", ")) : document.answers[0];
  if (document.answers.size() > 1) json["answers"] = document.answers;
  json["metric"] = document.metric;
  json["max_tokens"] = document.max_tokens;
  json["length"] = document.length;
  return json;
}

std::function<int64_t(std::string_view)> token_counter(std::shared_ptr<const Tokenizer> tokenizer) {
  return [tokenizer = std::move(tokenizer)](std::string_view text) {
    return static_cast<int64_t>(tokenizer->encode_whole(text).size());
  };
}

}  // namespace t6
