// The flags of 't6 eval' by which a model writes answers, and how these are shown.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "t6/cli/serving/chat_flags.h"
#include "t6/eval/passkey.h"

namespace t6 {

struct AnswerFlags {
  std::vector<std::string> files, longbench;
  PasskeyOptions passkey;
  std::string prompts, memory, chinese_words = "data/chinese-words";
  int64_t prompt_tokens = 0;
  bool is_chat = false;
  ChatFlags chat;

  bool given() const { return !files.empty() || !longbench.empty() || !passkey.lengths.empty(); }
};

// Adds --answers, --longbench and --passkey to `source`, of which a command takes one, and what belongs to them to
// `command`, which has its other flags already.
void add_answer_flags(CLI::App& command, CLI::App& source, AnswerFlags& flags);

struct AnswerRunOptions {
  int64_t context = 0;
  NumberType cache_type = NumberType::f32;
  int64_t limit = 0;   // documents of each file; 0: all
  std::string report;  // the page of pass keys; empty: none
  bool json = false;
};
// Writes the answers and prints their scores; with Ctrl-C, of those that are there.
void run_answers(Context& context, const LoadedModel& loaded, const AnswerFlags& flags,
                 const AnswerRunOptions& options);

}  // namespace t6
