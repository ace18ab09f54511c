// The flags of every command that writes messages: by which template, and who says what first.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "t6/infer/conversation.h"

namespace t6 {

struct ChatFlags {
  std::string chat_template;
  std::vector<std::string> arguments;
  ConversationOptions conversation;
};

// Adds --system, --template, --template-argument and --control-tokens; returns them.
std::vector<CLI::Option*> add_chat_flags(CLI::App& command, ChatFlags& flags);

// The template by these flags. A model without a template is said to have none, on standard error. Errors: those of
// chat_template_of(), an argument that is not NAME=JSON.
ChatTemplate chosen_template(const LoadedModel& loaded, const ChatFlags& flags);

// A conversation with that template. Errors: the same.
Conversation begin_conversation(Context& context, const LoadedModel& loaded, const ChatFlags& flags,
                                const CacheOptions& cache);

}  // namespace t6
