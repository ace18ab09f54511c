// The measurement of `t6 bench memory`: a model of random weights whose cache grows until a budget is full.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "t6/kernels/context.h"
#include "t6/model/config.h"
#include "t6/numbers/number_type.h"
#include "t6/report/memory_page.h"

namespace t6 {

struct MemoryRunOptions {
  int64_t budget = 0;         // bytes of cache
  int64_t most_tokens = 0;    // 0: as many as the budget holds
  int64_t decode_tokens = 8;  // at each context; their median counts
};

// Tokens that a cache of this model and type holds then.
int64_t tokens_in_budget(const ModelConfig& config, NumberType type, const MemoryRunOptions& options);

// Fills a cache with random factors, which are written into its pages, and decodes at 1,000, 10,000 and 100,000 tokens
// and at the end, until not one token more fits. `progress` is called with the tokens that are there. The row's names
// are left to the caller. Errors: the budget holds no more tokens than are decoded; layers with windows; interrupted.
MemoryRow measure_memory(Context& context, const ModelConfig& config, NumberType type, const MemoryRunOptions& options,
                         const std::function<void(int64_t)>& progress);

}  // namespace t6
