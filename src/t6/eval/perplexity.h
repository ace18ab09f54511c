// How well a model predicts a text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "t6/infer/load.h"

namespace t6 {

struct PerplexityOptions {
  // Tokens per window; 0: the model's max_position_embeddings, at most 1024. More than that turns positions further
  // than they turned in training.
  int64_t context = 0;
  int64_t stride = 0;  // from one window's first token to the next one's; 0: half the context
  NumberType cache_type = NumberType::f32;
};

// Of tokens that were predicted from `begin` to `end` - 1 tokens before them in their window.
struct PositionLoss {
  int64_t begin = 0, end = 0;
  int64_t tokens = 0;
  double nats = 0;

  double loss() const { return nats / static_cast<double>(tokens); }
};

// Measured in this run.
struct Perplexity {
  int64_t context = 0, stride = 0;  // those that were used
  int64_t tokens = 0;               // predicted: all but the first
  int64_t bytes = 0;                // of their text
  double nats = 0;                  // -log of the probability of all of them together
  double seconds = 0;
  std::vector<PositionLoss> by_position;  // 1, 2 to 3, 4 to 7, ... tokens before; those with tokens alone

  double loss() const { return nats / static_cast<double>(tokens); }  // nats per token
  double perplexity() const;
  double bits_per_byte() const;
  double tokens_per_second() const { return static_cast<double>(tokens) / seconds; }
};

// The first `limit` tokens of a text, as document_tokens reads it; 0: all.
std::vector<int32_t> text_tokens(const Tokenizer& tokenizer, const std::filesystem::path& path, int64_t limit);

// Windows of `context` tokens move on by `stride`; each token but the first is predicted once, from all tokens before
// it in the first window that reaches it: at least context - stride of them, or all there are. `progress` is called
// with the tokens predicted and their number. Errors: fewer than two tokens, an id outside the model's vocabulary, no
// text among the tokens, context below 1, stride not from 1 to context.
Perplexity perplexity(Context& context, const LoadedModel& loaded, std::span<const int32_t> tokens,
                      const PerplexityOptions& options,
                      const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace t6
