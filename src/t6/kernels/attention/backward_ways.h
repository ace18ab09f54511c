// The two ways to the gradient of attention, each with its own division of the work among threads. Sequences of one
// token at least.
#pragma once

#include <span>

#include "t6/kernels/attention_backward.h"

namespace t6 {

// Multiply-adds that are worth a thread's start.
inline constexpr int64_t kBackwardGrain = 400'000;

// A head of a sequence at a time, its queries, keys and values materialized (backward_head.h,
// and backward_head_bfloats.h for those that goes_by_bfloats() names). Always open.
void backward_by_heads(Context& context, std::span<const AttentionBackward> batch);
// A block of keys of a sequence at a time, for all heads (backward_block.h): for those that goes_by_blocks() names.
void backward_by_blocks(Context& context, std::span<const AttentionBackward> batch);

}  // namespace t6
