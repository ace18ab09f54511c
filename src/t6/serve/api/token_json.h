// Tokens and their log-probabilities as the endpoints show them.
#pragma once

#include <span>
#include <string>

#include "t6/infer/sequence.h"
#include "t6/serve/api/json_text.h"
#include "t6/text/tokenizer.h"

namespace t6 {

// A token's bytes; those that are not UTF-8 by themselves become U+FFFD in JSON.
std::string token_text(const Tokenizer& tokenizer, int32_t id);

// The object "logprobs" of a completion, which grows token by token.
class CompletionLogprobs {
 public:
  CompletionLogprobs(const Tokenizer& tokenizer, int64_t likeliest) : tokenizer_(tokenizer), likeliest_(likeliest) {}

  void add_first(int32_t id);  // of a prompt: nothing comes before it that could tell its probability
  void add(std::span<const WrittenToken> tokens);
  // All since the last call.
  OrderedJson take();

 private:
  void add_text(const std::string& text);

  const Tokenizer& tokenizer_;
  int64_t likeliest_;
  int64_t offset_ = 0;  // characters so far
  OrderedJson tokens_ = OrderedJson::array(), values_ = OrderedJson::array(), likeliest_of_ = OrderedJson::array(),
              offsets_ = OrderedJson::array();
};

// The list "content" of a chat answer's "logprobs".
OrderedJson chat_logprobs(const Tokenizer& tokenizer, std::span<const WrittenToken> tokens, int64_t likeliest);

}  // namespace t6
