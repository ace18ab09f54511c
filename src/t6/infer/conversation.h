// A conversation with a model, as its template writes it; what the model has read stays in the cache as far as the
// template writes it again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "t6/infer/session.h"
#include "t6/text/chat_template.h"
#include "t6/text/control_tokens.h"

namespace t6 {

struct ConversationOptions {
  std::string system = {};      // the system's message; empty: what the template says by itself
  bool control_tokens = false;  // those in what the user and the system say count; else they are text
};

class Conversation {
 public:
  Conversation(Context& context, const LoadedModel& loaded, ChatTemplate chat_template, const CacheOptions& cache,
               const ConversationOptions& options = {});

  // The model's answer to a message, in pieces as it comes. When it is cancelled or a limit ends it early, what was
  // written counts as the answer. Errors, before anything changes: the template's, and the conversation does not fit
  // into the context. After an error of the generation the message is not part of the conversation.
  Generated ask(std::string_view message, GenerateOptions options, const std::function<void(std::string_view)>& show);

  // Another answer to the last question in place of the one that it has; as ask() else. The options' seed makes it
  // another. Errors, beside those of ask(): no question yet.
  Generated ask_again(GenerateOptions options, const std::function<void(std::string_view)>& show);

  // Starts over, with this system message.
  void reset(std::string system);
  void reset() { reset(system_); }

  const std::vector<ChatMessage>& messages() const { return messages_; }
  const Session& session() const { return session_; }

  // The conversation as it stands. Errors: those of Session; the file holds no messages.
  void save(const std::filesystem::path& path, const CancelToken* cancel = nullptr);
  void load(const std::filesystem::path& path);

 private:
  void write(const std::vector<ChatMessage>& messages);
  Generated answer(std::vector<ChatMessage> messages, GenerateOptions options,
                   const std::function<void(std::string_view)>& show);
  std::string render(std::vector<ChatMessage> messages) const;
  std::string answer_from(size_t begin, const Generated& answer, const std::vector<std::string>& stops) const;

  std::shared_ptr<const Tokenizer> tokenizer_;
  ChatTemplate template_;
  ControlTokens control_tokens_;
  AnswerStops stops_;
  bool reads_control_tokens_;
  std::string system_;
  std::vector<ChatMessage> messages_;
  Session session_;
  std::optional<int64_t> answer_begin_;  // of the last answer in the session's tokens, where they are still its own
};

}  // namespace t6
