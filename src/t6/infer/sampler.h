// Chooses the next token from logits.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "t6/core/random.h"

namespace t6 {

// In the order in which they act.
struct SamplerOptions {
  std::map<int32_t, double> logit_bias = {};  // added to the logits of these ids; -infinity: never
  // Of tokens among the last `penalty_window` (the prompt's too; 0: none are remembered): the logit divided by
  // `repetition_penalty` (multiplied when it is negative), less `presence_penalty`, less `frequency_penalty` for each
  // time.
  double repetition_penalty = 1, presence_penalty = 0, frequency_penalty = 0;
  int64_t penalty_window = 64;
  double temperature = 0.8;  // logits are divided by it; 0: always the likeliest token (of equals the lowest id)
  int64_t top_k = 0;         // only the k likeliest; 0: all
  double typical_p = 1;      // only those nearest to the expected surprise that together have this probability
  double top_p = 1;          // only the likeliest that together have this probability
  double min_p = 0;          // only those of at least this share of the likeliest one's probability
  uint64_t seed = 0;
};

struct TokenLogProbability {
  int32_t id = 0;
  double value = 0;
};

// The `count` likeliest ids and the logarithms of their probabilities, the likeliest first.
std::vector<TokenLogProbability> top_log_probabilities(std::span<const float> logits, int64_t count);
double log_probability(std::span<const float> logits, int32_t id);

// The same options, tokens and logits give the same choices on every run.
class Sampler {
 public:
  // Error: an option out of range.
  explicit Sampler(const SamplerOptions& options);

  // Remembers tokens, of the prompt or chosen, for the penalties.
  void accept(std::span<const int32_t> ids);

  // `allowed` has a bit for each token (token_constraint.h); the others are left out before everything else. Empty: all
  // may come. Errors: a logit that is not a number, none that is finite, none left of those that are allowed.
  int32_t sample(std::span<const float> logits, std::span<const uint32_t> allowed = {});

 private:
  using Candidate = std::pair<double, int32_t>;  // probability (not normalized), id

  std::span<const float> adjusted(std::span<const float> logits, std::span<const uint32_t> allowed);
  void keep_likeliest(size_t count);
  void keep_typical();
  void keep_nucleus();
  void keep_near_likeliest();
  double total() const;

  SamplerOptions options_;
  Random random_;
  std::deque<int32_t> recent_;
  std::unordered_map<int32_t, int64_t> counts_;  // of recent_
  std::vector<float> adjusted_;
  std::vector<Candidate> candidates_;
};

}  // namespace t6
