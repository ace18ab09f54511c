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
  llama3   // low frequencies divided by `factor`, high ones kept, those between blended
};

struct RopeScaling {
  RopeScalingKind kind = RopeScalingKind::none;
  double factor = 1;
  // Of llama3: wavelengths above original / low_freq_factor are long, those below original / high_freq_factor short.
  // Llama 3.1's own values.
  double low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_position_embeddings = 8192;
};

// {"rope_type": "llama3", "factor": 8, ...}; "type" in older files. Error: another type, a value out of range.
RopeScaling rope_scaling_from_json(const JsonObject& json);
Json rope_scaling_to_json(const RopeScaling& scaling);  // null for none

// What the frequencies theta^(-2i/dim) are divided by, [dim/2]; empty for none.
std::vector<double> frequency_divisors(const RopeScaling& scaling, int64_t dim, double theta);

}  // namespace t6
