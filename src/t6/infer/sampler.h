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
  bool penalize_prompt = true;  // presence and frequency count the prompt's tokens, too
  double temperature = 0.8;     // logits are divided by it; 0: always the likeliest token (of equals the lowest id)
  int64_t top_k = 0;            // only the k likeliest; 0: all
  double typical_p = 1;         // only those nearest to the expected surprise that together have this probability
  double top_p = 1;             // only the likeliest that together have this probability
  double min_p = 0;             // only those of at least this share of the likeliest one's probability
  uint64_t seed = 0;
};

struct TokenLogProbability {
  int32_t id = 0;
  double value = 0;
};

// The `count` likeliest ids and the logarithms of their probabilities, the likeliest first.
std::vector<TokenLogProbability> top_log_probabilities(std::span<const float> logits, int64_t count);
double log_probability(std::span<const float> logits, int32_t id);

// What choosing takes for a while, several times the vocabulary: samplers on one thread share it.
struct SamplerMemory {
  using Candidate = std::pair<double, int32_t>;  // probability (not normalized), id

  std::vector<float> adjusted;
  std::vector<Candidate> candidates;
};

// The same options, tokens and logits give the same choices on every run.
class Sampler {
 public:
  // Error: an option out of range.
  explicit Sampler(const SamplerOptions& options);

  // Remembers tokens, chosen ones or of the prompt, for the penalties.
  void accept(int32_t id) { remember(id, true); }
  void accept_prompt(std::span<const int32_t> ids);

  // `allowed` has a bit for each token (token_constraint.h); the others are left out before everything else. Empty: all
  // may come. Errors: a logit that is not a number, none that is finite, none left of those that are allowed.
  int32_t sample(std::span<const float> logits, SamplerMemory& memory, std::span<const uint32_t> allowed = {});
  int32_t sample(std::span<const float> logits, std::span<const uint32_t> allowed = {}) {
    SamplerMemory memory;
    return sample(logits, memory, allowed);
  }

 private:
  using Candidate = SamplerMemory::Candidate;
  using Candidates = std::vector<Candidate>;
  struct Recent {
    int32_t id;
    bool counted;  // by presence and frequency
  };
  struct Counts {
    int64_t all = 0, counted = 0;
  };

  void remember(int32_t id, bool counted);
  std::span<const float> adjusted(std::span<const float> logits, std::vector<float>& memory,
                                  std::span<const uint32_t> allowed) const;
  void keep_likeliest(Candidates& candidates) const;
  void keep_typical(Candidates& candidates) const;
  void keep_nucleus(Candidates& candidates) const;
  void keep_near_likeliest(Candidates& candidates) const;

  SamplerOptions options_;
  Random random_;
  std::deque<Recent> recent_;
  std::unordered_map<int32_t, Counts> counts_;  // of recent_
};

}  // namespace t6
