// How a model that was trained on short texts turns its rotation slower, to reach longer ones. On disk Hugging Face's
// "rope_scaling".
#pragma once

#include <cstdint>
#include <vector>

#include "t6/formats/json_object.h"

namespace t6 {

enum class RopeScalingKind {
  none,
  linear,  // every frequency divided by `factor`
  llama3,  // low frequencies divided by `factor`, high ones kept, those between blended
  yarn,    // the same by other limits, and queries and keys times `attention_factor`
  dynamic  // NTK: a larger base past max_position_embeddings, where it is not applied; none up to there
};

struct RopeScaling {
  RopeScalingKind kind = RopeScalingKind::none;
  double factor = 1;
  // Of llama3: wavelengths above original / low_freq_factor are long, those below original / high_freq_factor short.
  // Llama 3.1's own values.
  double low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_position_embeddings = 8192;  // of yarn, too
  // Of yarn: features that turn more often than beta_fast in the original positions are kept, those that turn less than
  // beta_slow are divided; `truncate` widens the range between them to whole features.
  double beta_fast = 32, beta_slow = 1;
  bool truncate = true;
  double attention_factor = 1;

  bool operator==(const RopeScaling&) const = default;
};

// {"rope_type": "llama3", "factor": 8, ...}; "type" in older files. `positions`: the model's max_position_embeddings,
// which yarn takes where the original ones are not given. Error: another type, a value out of range.
RopeScaling rope_scaling_from_json(const JsonObject& json, int64_t positions);
Json rope_scaling_to_json(const RopeScaling& scaling);  // null for none

// What the frequencies theta^(-2i/dim) are divided by, [dim/2]; empty for none.
std::vector<double> frequency_divisors(const RopeScaling& scaling, int64_t dim, double theta);

// What rotated features of queries and of keys are multiplied by: yarn's attention_factor.
double rotary_scale(const RopeScaling& scaling);

// What yarn's attention_factor is where a file names none.
double yarn_attention_factor(double factor);

}  // namespace t6
