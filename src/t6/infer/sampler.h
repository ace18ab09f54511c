// Chooses the next token from logits.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "t6/core/random.h"

namespace t6 {

struct SamplerOptions {
  double temperature = 0.8;  // 0: always the likeliest token (of equals the lowest id)
  int64_t top_k = 0;         // only the k likeliest; 0: all
  double top_p = 1;          // only the likeliest that together have this probability
  uint64_t seed = 0;
};

// The same options and logits give the same tokens on every run.
class Sampler {
 public:
  // Error: an option out of range.
  explicit Sampler(const SamplerOptions& options);

  // Error: a logit that is not a number, or none that is finite.
  int32_t sample(std::span<const float> logits);

 private:
  using Candidate = std::pair<double, int32_t>;  // probability (not normalized), id

  void keep_likeliest(size_t count);
  void keep_nucleus();

  SamplerOptions options_;
  Random random_;
  std::vector<Candidate> candidates_;
};

}  // namespace t6
