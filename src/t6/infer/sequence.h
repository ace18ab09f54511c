// One sequence that a model reads and writes: its tokens, its cache, and how far its generation is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/core/stopwatch.h"
#include "t6/infer/cache.h"
#include "t6/infer/engine/stop_strings.h"
#include "t6/infer/forward.h"
#include "t6/infer/load.h"
#include "t6/infer/sampler.h"
#include "t6/infer/token_constraint.h"

namespace t6 {

// Prompts are read in pieces of this many tokens, so that a cancelled one ends soon and the buffers stay small.
inline constexpr int64_t kPromptChunk = 512;

enum class StopReason { max_tokens, end_of_text, stop_string, context_full, interrupted, error };
std::string_view stop_reason_name(StopReason reason);  // "max tokens"

// Who wants the logits of a prompt's tokens, from the one at position `from` on. `take` gets them as they are read: the
// position of the first row, and rows [tokens, V] that are valid during the call. Null: nobody.
struct PromptLogits {
  int64_t from = 0;
  std::function<void(int64_t first, std::span<const float> rows)> take = nullptr;
};

// Who wants the hidden states of a prompt's tokens after the model's last norm, as they are read: the position of the
// first row, and rows [tokens, C] that are valid during the call. Null: nobody.
using HiddenStates = std::function<void(int64_t first, std::span<const float> rows)>;

struct GenerateOptions {
  int64_t max_tokens = 200;               // 0: only reads
  std::vector<std::string> stop = {};     // the text ends before the first of these
  std::vector<int32_t> stop_tokens = {};  // as do texts of the model's own with its end-of-text
  // Before so many tokens, neither an end of text nor a stop token is chosen; stop strings still count.
  int64_t min_tokens = 0;
  bool ignore_eos = false;  // the model's own end tokens are tokens like any other; stop tokens still count
  // Of this generation alone. It goes before min_tokens: a text to which nothing can be added ends.
  std::shared_ptr<TokenConstraint> constraint = nullptr;
  SamplerOptions sampler = {};
  int64_t log_probabilities = 0;  // of so many likeliest tokens at each token written
  PromptLogits prompt_logits = {};
  HiddenStates hidden_states = nullptr;
  std::string cache_salt = {};          // pages are shared with sequences of the same salt alone
  const CancelToken* cancel = nullptr;  // ends it between two steps; outlives the generation
};

// A token that was written, and what the model thought there, before the sampler's options and the constraint.
struct WrittenToken {
  int32_t id = 0;
  double log_probability = 0;
  std::vector<TokenLogProbability> likeliest;
};

// All figures are measured in this generation.
struct Generated {
  std::string text;
  StopReason reason = StopReason::max_tokens;
  std::string error;          // where the reason is StopReason::error
  std::string stop;           // the stop string that was found
  int64_t prompt_tokens = 0;  // that were read
  int64_t reused_tokens = 0;  // that came from pages of an earlier prompt
  int64_t tokens = 0;
  int64_t decode_steps = 0;  // forward passes of one token: the first token comes with the prompt's pass
  double waiting_seconds = 0, prompt_seconds = 0, decode_seconds = 0;
  int64_t cache_bytes = 0, cache_bytes_per_token = 0;
  std::vector<WrittenToken> written;  // where log-probabilities were asked for

  double prompt_rate() const { return prompt_seconds > 0 ? static_cast<double>(prompt_tokens) / prompt_seconds : 0; }
  double decode_rate() const { return decode_seconds > 0 ? static_cast<double>(decode_steps) / decode_seconds : 0; }
};

enum class SequenceState {
  idle,        // no generation has begun
  waiting,     // for an engine, or for memory
  reading,     // its prompt
  generating,  // a token each step
  finished     // result() says why
};

// Begins a generation; an engine (engine.h) runs it. For one thread at a time.
class Sequence {
 public:
  explicit Sequence(const LoadedModel& loaded, const CacheOptions& options = {});

  // Tokens that the model has read and those that it will read first when it generates.
  const std::vector<int32_t>& tokens() const { return tokens_; }
  const FactorCache& cache() const { return cache_; }
  int64_t room() const { return cache_.limit() - static_cast<int64_t>(tokens_.size()); }

  SequenceState state() const { return state_; }
  bool finished() const { return state_ == SequenceState::finished; }
  // Of the generation so far, whole when it is finished.
  const Generated& result() const { return result_; }

  // Errors of these: a generation is under way.
  // Adds tokens. Error, before anything changes: they do not fit into the context, or one is outside the model's
  // vocabulary.
  void append(std::span<const int32_t> ids);
  // Forgets the tokens from `size` on. Error: more than there are.
  void truncate(int64_t size);
  // Replaces tokens and cache by those of another time, the first cache.size() tokens being cached.
  void restore(std::vector<int32_t> tokens, FactorCache cache);
  // The generation that an engine is to run. What it writes is among tokens() afterwards, but for the token that ended
  // it. Errors, before anything changes: no tokens yet, options out of range.
  void begin(const GenerateOptions& options);

 private:
  friend class Engine;

  bool in_engine() const { return state_ != SequenceState::idle && !finished(); }
  bool running() const { return state_ == SequenceState::reading || state_ == SequenceState::generating; }
  bool cancelled() const { return writing_->options.cancel && writing_->options.cancel->cancelled(); }
  bool reads_prompt() const { return cache_.size() < prompt_end_; }
  int64_t unread() const { return static_cast<int64_t>(tokens_.size()) - cache_.size(); }
  // Whether its pages hold what any other reading of its tokens would give.
  bool shares_pages() const { return origin_ == 0 && !writing_->options.prompt_logits.take && !takes_hidden_states(); }

  // What the next pass reads. Pieces of a prompt end at multiples of `longest` tokens from where its reading began.
  Step next_step(int64_t longest);
  void start();
  // Gives its pages back; all is to be read again. With `alike`, what it has written may be read in pieces too.
  void suspend(bool alike);
  bool takes_hidden_states() const { return writing_->options.hidden_states != nullptr; }
  // Of a pass that read `count` tokens; before receive().
  void receive_hidden_states(int64_t count, std::span<const float> rows);
  // The logits of a pass that read `count` tokens. True: the next token is to be chosen by the last row, in write().
  bool receive(int64_t count, std::span<const float> logits);
  void finish(StopReason reason);
  void fail(std::string error);
  int64_t next_piece(int64_t longest) const;
  bool takes_logits(int64_t first) const;
  Logits wanted_logits(int64_t count) const;
  void end_prompt();
  void write(std::span<const float> logits, SamplerMemory& memory);
  bool mask_tokens();

  // What chooses tokens and makes text of them.
  struct Writing {
    GenerateOptions options;
    Sampler sampler;
    StopStrings stop;
    StreamDecoder decoder;
    std::vector<uint32_t> allowed = {};  // the mask of the next token; empty: any
  };

  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<int32_t> ends_;  // tokens that end a text of this model
  size_t vocab_size_;
  FactorCache cache_;
  std::vector<int32_t> tokens_;  // the first cache_.size() of them are cached
  SequenceState state_ = SequenceState::idle;
  std::optional<Writing> writing_;
  Generated result_;
  int64_t origin_ = 0;        // tokens cached when the reading began
  int64_t prompt_end_ = 0;    // tokens when the generation began
  int64_t logits_taken_ = 0;  // tokens whose logits went to prompt_logits
  int64_t hidden_taken_ = 0;  // tokens whose hidden states were taken
  bool started_ = false, prompt_read_ = false;
  Stopwatch clock_;  // of the wait, the prompt or the text
};

}  // namespace t6
