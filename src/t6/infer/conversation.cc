#include "t6/infer/conversation.h"

#include <utility>

namespace t6 {

Conversation::Conversation(Context& context, const LoadedModel& loaded, ChatFormat format, const CacheOptions& cache,
                           std::string system)
    : tokenizer_(loaded.tokenizer),
      format_(std::move(format)),
      system_(system.empty() ? format_.default_system : std::move(system)),
      session_(context, loaded, cache) {}

Generated Conversation::ask(std::string_view message, GenerateOptions options,
                            const std::function<void(std::string_view)>& show) {
  const bool first = session_.tokens().empty();
  const std::string question = format_.question(message, system_, first);
  std::vector<int32_t> ids;
  if (first) {
    ids = tokenizer_->encode_whole(format_.opening(system_) + question);
  } else {
    tokenizer_->encode_further(format_.answer_end + question, ids);
  }
  session_.append(ids);
  // A token is known by its id: its text is not shown, and may not be what the model's own settings end with.
  if (const auto id = tokenizer_->id_of(format_.stop)) {
    options.stop_tokens.push_back(*id);
  } else {
    options.stop.push_back(format_.stop);
  }
  const bool strips = tokenizer_->strips_space();
  bool begins = strips;
  Generated answer = session_.generate(options, [&](std::string_view piece) {
    if (begins && piece.starts_with(' ')) piece.remove_prefix(1);
    begins = false;
    if (!piece.empty()) show(piece);
  });
  if (strips && answer.text.starts_with(' ')) answer.text.erase(0, 1);
  return answer;
}

void Conversation::reset(std::string system) {
  system_ = std::move(system);
  session_.truncate(0);
}

}  // namespace t6
