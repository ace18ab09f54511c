// How fast a model reads and writes, context by context.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "t6/infer/load.h"
#include "t6/numbers/number_type.h"

namespace t6 {

struct SpeedOptions {
  std::vector<int64_t> contexts;  // tokens in the cache, ascending; the model has positions for all of these and for
  int64_t decode_tokens = 24;     // what is written at each; the median of their times counts
  NumberType cache_type = NumberType::f16;
};

struct SpeedRow {
  int64_t context = 0;
  std::optional<double> prefill_rate;  // tokens per second; nothing where an earlier context's decoding went as far
  double decode_rate = 0;
  double first_token_s = 0;  // seconds from the beginning until the model had read this context
  int64_t cache_bytes = 0, peak_bytes = 0;
  double bytes_a_token = 0;  // that decoding one token reads: weights, and the cache of `context` tokens
};

// The model reads a sentence again and again up to each context and writes some tokens there.
std::vector<SpeedRow> model_speed(Context& context, const LoadedModel& loaded, const SpeedOptions& options);

}  // namespace t6
