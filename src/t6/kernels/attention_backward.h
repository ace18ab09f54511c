// The gradient of causal attention with respect to its factors: nothing of the size of T x M is kept from the forward
// pass, and none of the materialised queries, keys or values.
#pragma once

#include <span>

#include "t6/kernels/attention.h"

namespace t6 {

// Gradients of a loss with respect to the factors, from its gradient with respect to the output. M = start + T.
struct AttentionBackward {
  // The forward call, whose `out` and `lse` are not looked at. Factors are of second order, and nothing is left to do
  // to b when it is used; no pages, no shift.
  Attention forward;
  const float* lse = nullptr;    // [T, H], as the forward pass gave it
  const float* d_out = nullptr;  // [T, H, E]
  const float* out = nullptr;    // [T, H, E], likewise; null: what is faster with it is not taken

  // Written over, without gaps; those of a are not looked at where the view is grouped. Strides of the views that are 0
  // make no difference: every token gets its own gradient.
  float* dq_a = nullptr;  // [T, R, H]
  float* dq_b = nullptr;  // [T, R, D]
  float* dk_a = nullptr;  // [M, R, H]
  float* dk_b = nullptr;  // [M, R, D]
  float* dv_a = nullptr;  // [M, R, H]
  float* dv_b = nullptr;  // [M, R, E]
};

// Whether training is faster with Attention::bfloats in both passes: by matrix tiles. By vectors it is not: the
// backward pass has more products in this form than in float32.
bool trains_by_bfloats();

// On up to context.thread_count() threads. The bits depend on the batch's sizes and on that number, not on what else
// runs. Errors: as attention()'s, and what is said of `forward` above.
void attention_backward(Context& context, std::span<const AttentionBackward> batch);

}  // namespace t6
