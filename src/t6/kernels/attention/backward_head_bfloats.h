// The gradient of attention for one head of one sequence by products of bfloat16.
#pragma once

#include "t6/kernels/attention/backward_head.h"

namespace t6 {

// Whether this way is wanted (Attention::bfloats) and the processor has such products.
bool goes_by_bfloats(const AttentionBackward& arguments);

// Working memory of a thread, kept from head to head: M x (3 D + 3 E) numbers of bfloat16 and twice float32, and what
// belongs to 256 queries.
struct BfloatHeadBuffers {
  AlignedBuffer rows, rounded_rows, keys, keys_across, values, key_gradients, value_gradients;
  AlignedBuffer queries, query_pairs, out_gradients, out_gradient_pairs, query_gradients;
  AlignedBuffer log_sums, weight_sums, means, logits, products, weights, logit_gradients, logit_gradient_pairs;
};

// As backward_head(): queries, keys, values, weights and all their gradients are rounded where they are multiplied,
// sums are float32.
void backward_head_bfloats(const AttentionBackward& arguments, int64_t head, const FeatureGradients& features,
                           BfloatHeadBuffers& buffers);

}  // namespace t6
