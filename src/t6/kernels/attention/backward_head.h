// The gradient of attention for one head of one sequence.
#pragma once

#include "t6/kernels/attention/buffers.h"
#include "t6/kernels/attention_backward.h"

namespace t6 {

// Gradients of the feature factors, summed over heads: to be zero before the first.
struct FeatureGradients {
  float* q = nullptr;  // [T, R, D]
  float* k = nullptr;  // [M, R, D]
  float* v = nullptr;  // [M, R, E]
};

// Working memory of a thread, kept from head to head: a few times M x D, and twice 64 x M.
struct HeadBuffers {
  AlignedBuffer queries, keys, values, query_gradients, key_gradients, value_gradients;
  AlignedBuffer queries_across, out_gradients, out_gradients_across, log_sums, weights, products;
};

// Writes the gradients of the head's own factors a, and adds to those of b.
void backward_head(const AttentionBackward& arguments, int64_t head, const FeatureGradients& features,
                   HeadBuffers& buffers);

}  // namespace t6
