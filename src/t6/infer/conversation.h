// A conversation with a model: every message and answer is read once and stays in the cache.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "t6/infer/session.h"
#include "t6/text/chat_format.h"

namespace t6 {

class Conversation {
 public:
  // `format`: of the model's own template, or another (text/chat_format.h). An empty system message: the format's own.
  Conversation(Context& context, const LoadedModel& loaded, ChatFormat format, const CacheOptions& cache,
               std::string system = {});

  // The model's answer to a message, in pieces as it comes. When it is cancelled or a limit ends it early, what was
  // written counts as the answer. Error, before anything changes: the message does not fit into what is left of the
  // context.
  Generated ask(std::string_view message, GenerateOptions options, const std::function<void(std::string_view)>& show);

  // Starts over, with this system message.
  void reset(std::string system);
  void reset() { reset(system_); }

  const std::string& system() const { return system_; }
  const Session& session() const { return session_; }

  // The conversation as it stands. Errors: those of Session.
  void save(const std::filesystem::path& path, const CancelToken* cancel = nullptr) { session_.save(path, cancel); }
  void load(const std::filesystem::path& path) { session_.load(path); }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  ChatFormat format_;
  std::string system_;
  Session session_;
};

}  // namespace t6
