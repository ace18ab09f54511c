#include "t6/eval/answers/prompt.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/text/control_tokens.h"

namespace t6 {
namespace {

// The message that a prompt is: without the beginning of the answer.
std::string_view message_of(const AnswerDocument& document) {
  std::string_view text = document.prompt;
  if (text.ends_with(document.answer_prefix)) text.remove_suffix(document.answer_prefix.size());
  if (!document.answer_prefix.empty()) text = text.substr(0, text.find_last_not_of(" \n") + 1);
  return text;
}

std::string chat_text(const LoadedModel& loaded, const AnswerDocument& document, const AnswerOptions& options) {
  const ControlTokens controls(*loaded.tokenizer);
  const auto text = [&](std::string_view part) {
    return options.control_tokens ? std::string(part) : controls.marked(part);
  };
  std::vector<ChatMessage> messages;
  if (!options.system.empty()) messages.push_back({"system", text(options.system)});
  messages.push_back({"user", text(message_of(document))});
  return options.chat->render(messages) + text(document.answer_prefix);
}

// Half of the tokens from the beginning and half from the end, as text: LongBench's way.
std::string without_middle(const Tokenizer& tokenizer, const std::vector<int32_t>& ids, int64_t limit) {
  const auto half = static_cast<size_t>(limit / 2);
  const std::span all(ids);
  return tokenizer.decode(all.first(half), /*skip_special=*/true) +
         tokenizer.decode(all.last(half), /*skip_special=*/true);
}

}  // namespace

std::vector<int32_t> prompt_tokens(const LoadedModel& loaded, const AnswerDocument& document,
                                   const AnswerOptions& options) {
  if (!options.chat || document.plain) return loaded.tokenizer->encode_whole(document.prompt);
  std::vector<int32_t> ids;
  encode_marked(*loaded.tokenizer, chat_text(loaded, document, options), 0, ids);
  return ids;
}

Prompt fitting_prompt(const LoadedModel& loaded, const AnswerDocument& document, const AnswerOptions& options,
                      int64_t limit) {
  Prompt prompt{prompt_tokens(loaded, document, options)};
  require(!prompt.ids.empty(), "{}: the prompt is empty", document.name);
  const auto size = [&] { return std::ssize(prompt.ids); };
  if (!document.shortens) {
    require(size() <= limit, "{}: its {} tokens and {} of an answer do not fit into the context of {} (--context)",
            document.name, size(), document.max_tokens, limit + document.max_tokens);
    return prompt;
  }
  const std::vector<int32_t> whole = loaded.tokenizer->encode_whole(document.prompt);
  // What a template adds takes room, too.
  int64_t kept = limit - std::max<int64_t>(0, size() - std::ssize(whole));
  if (options.prompt_tokens > 0) kept = std::min(kept, options.prompt_tokens);
  if (std::ssize(whole) <= kept) return prompt;
  AnswerDocument shorter = document;
  do {
    require(kept >= 2, "{}: nothing of its prompt fits into {} tokens", document.name, limit);
    shorter.prompt = without_middle(*loaded.tokenizer, whole, kept);
    prompt = {prompt_tokens(loaded, shorter, options), std::ssize(whole) - kept / 2 * 2};
    kept -= std::max<int64_t>(1, size() - limit);  // text that was cut may become more tokens than it was
  } while (size() > limit);
  return prompt;
}

}  // namespace t6
