// Answers that a model writes to prompts, and how good they are.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "t6/eval/answer_metrics.h"
#include "t6/infer/load.h"
#include "t6/infer/sequence.h"
#include "t6/text/chat_template.h"

namespace t6 {

struct AnswerDocument {
  std::string name = {};                 // where it comes from, for errors: "file.jsonl:3"
  std::vector<std::string> groups = {};  // whose means it counts in
  std::string prompt = {};               // all that is read before the answer
  std::string answer_prefix = {};        // the end of `prompt` that an answer begins with; no part of a user's message
  std::string metric = {};               // a name of answer_metrics.h
  AnswerKey key = {};                    // what it is compared with
  int64_t max_tokens = 64;               // of the answer
  std::vector<std::string> stop = {};    // texts that end it
  // As LongBench has it: the answer ends at a token of a new line but for the first token; its first line alone counts;
  // the prompt is no message of a chat, whatever AnswerOptions say; a prompt that is too long loses its middle.
  bool ends_with_line = false, first_line = false, plain = false, shortens = false;
};

struct AnswerOptions {
  int64_t context = 0;  // tokens of prompt and answer; 0: the model's; more turns positions further than in training
  int64_t prompt_tokens = 0;  // of prompts that may lose their middle; 0: what the context holds beside the answer
  NumberType cache_type = NumberType::f32;
  std::shared_ptr<CacheMemory> memory = nullptr;  // of all caches; null: no limit
  const ChatTemplate* chat = nullptr;             // prompts are messages that it writes; null: they are as they are
  std::string system = {};                        // the message before, with a chat template; empty: none
  bool control_tokens = false;                    // those in messages count; else they are text
  const CancelToken* cancel = nullptr;
};

struct WrittenAnswer {
  size_t document = 0;                    // its index
  std::string text;                       // what counts of what was written
  double score = 0;                       // by the document's metric, from 0 to 1
  int64_t prompt_tokens = 0, tokens = 0;  // read, a kept beginning included, and written
  int64_t left_out = 0;                   // tokens of the prompt's middle
  int64_t reused = 0;                     // tokens of a beginning that another prompt had
};

// The tokens of a document's prompt, from the text's beginning on. Error: the chat template's.
std::vector<int32_t> prompt_tokens(const LoadedModel& loaded, const AnswerDocument& document,
                                   const AnswerOptions& options);

// Writes the likeliest tokens after each prompt, several prompts at once, of which each has the same answer as alone.
// A beginning that a prompt has in common with the one before it is read once. `take` gets the answers in the order of
// the documents; cancelled, it gets those that came before. `progress` is called with tokens of prompts. Errors, before
// anything is read: a metric's, one that cannot read its key, a prompt that is empty or does not fit; later, the
// cache's memory is full.
void write_answers(Context& context, const LoadedModel& loaded, std::span<const AnswerDocument> documents,
                   const AnswerOptions& options, const std::function<void(const WrittenAnswer&)>& take,
                   const std::function<void(int64_t done, int64_t total)>& progress);

// The mean score of a group.
struct AnswerGroup {
  std::string name;
  int64_t documents = 0;
  double mean = 0;
  std::optional<double> standard_error;  // of the mean; none for a single document
};

// In the order in which documents name the groups.
std::vector<AnswerGroup> answer_groups(std::span<const AnswerDocument> documents,
                                       std::span<const WrittenAnswer> answers);

}  // namespace t6
