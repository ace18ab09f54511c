#include "t6/serve/api/answer_task.h"

#include <algorithm>
#include <iterator>

namespace t6 {

void AnswerTask::take(size_t index, const Piece& piece) {
  Answer& answer = answers_[index];
  std::string_view text = piece.text;
  // SentencePiece begins a text with a space that is not of it.
  if (!answer.begun && service_.loaded.tokenizer->strips_space() && text.starts_with(' ')) text.remove_prefix(1);
  answer.begun = answer.begun || !piece.text.empty();
  answer.tokens = piece.tokens;
  if (index == 0) cached_ = std::max(cached_, piece.cached_tokens);
  std::vector<AnswerPart> parts = answer.reader.push(text);
  if (answer.reader.reasons()) answer.reasoning_tokens = piece.tokens;
  if (piece.end) {
    std::ranges::move(answer.reader.finish(), std::back_inserter(parts));
    const std::string_view reason = finish_reason(*piece.end);
    answer.reason = answer.reader.called() && reason == "stop" ? "tool_calls" : reason;
  }
  take_parts(index, parts, piece);
}

std::string_view AnswerTask::reason(size_t index) const { return answers_[index].reason; }

Usage AnswerTask::usage() const {
  Usage usage = {.prompt_tokens = static_cast<int64_t>(prompt(0).size()), .cached_tokens = cached_};
  for (const Answer& answer : answers_) {
    usage.completion_tokens += answer.tokens;
    usage.reasoning_tokens += answer.reasoning_tokens;
  }
  return usage;
}

}  // namespace t6
