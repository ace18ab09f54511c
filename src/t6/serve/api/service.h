// What all endpoints work with: the model, its texts, and who runs it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "t6/grammar/grammar.h"
#include "t6/infer/load.h"
#include "t6/infer/sequence.h"
#include "t6/serve/api/conversations.h"
#include "t6/serve/scheduler/scheduler.h"
#include "t6/text/chat_template.h"
#include "t6/text/control_tokens.h"

namespace t6 {

// What one request may ask for.
struct RequestLimits {
  int64_t sequences = 128;          // answers to all its prompts
  int64_t likeliest = 20;           // log-probabilities at a token
  size_t stops = 64;                // strings or ids
  std::chrono::seconds time{3600};  // deadline; a request may ask for an earlier one
};

// For many threads: nothing here changes while requests are served.
struct Service {
  std::vector<std::string> names;  // of the model, the first one is what answers say
  LoadedModel loaded;
  std::optional<ChatTemplate> chat_template;
  std::optional<ControlTokens> control_tokens;
  AnswerStops answer_stops;
  CacheOptions cache;
  std::shared_ptr<GrammarCompiler> grammars;
  SamplerOptions sampling;  // where a request says nothing
  RequestLimits limits;
  int64_t created = 0;  // seconds since 1970
  int64_t context = 0;  // tokens of prompt and answer at most
  Scheduler* scheduler = nullptr;
  ServerMetrics* metrics = nullptr;
  std::function<Gauges()> gauges;
  std::function<void(std::function<void()>)> run_apart;  // on a thread that may take its time
  std::shared_ptr<Conversations> conversations;          // null: caches are not handed out

  int64_t vocab_size() const { return loaded.config().vocab_size; }
};

// "cmpl-1f3a...": no two of them are alike.
std::string new_id(const std::string& prefix);
int64_t unix_seconds();

}  // namespace t6
