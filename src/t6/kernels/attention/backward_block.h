// The gradient of attention for a block of keys of one sequence, for all heads at once: logits and their gradients by
// products of feature factors, which heads share (A.2).
#pragma once

#include "t6/kernels/attention/buffers.h"
#include "t6/kernels/attention_backward.h"

namespace t6 {

// Keys have so many ranks at most.
inline constexpr int64_t kBlockKeyRanks = 4;

// Whether this way is open (it wants `out`, and head factors of queries and keys) and has fewer multiply-adds.
bool goes_by_blocks(const AttentionBackward& arguments);

int64_t key_blocks(const AttentionBackward& arguments);
// Multiply-adds for a block of keys.
int64_t block_cost(const AttentionBackward& arguments, int64_t block);

// Gradients of a sequence's queries, summed over blocks of keys: to be zero before the first.
struct QuerySums {
  float* a = nullptr;  // [T, H, R], not yet times logit_scale
  float* b = nullptr;  // [T, R, padded_row(D)]
};

// Working memory of a thread, kept from block to block: 64 keys' values and their gradients most of all, for each head.
struct BlockBackwardBuffers {
  AlignedBuffer keys_across, key_heads, values_across, value_heads, values;
  AlignedBuffer key_feature_gradients, key_head_gradients, value_gradients;
  AlignedBuffer queries, query_heads;
  AlignedBuffer pairs, pair_gradients, logits, weights;
};

// Gradients of a sequence's output, as blocks of keys read them again and again.
struct OutputGradients {
  float* means = nullptr;  // [T, H]: sum_e d_out out, what the gradients of a query's weights are on average
  float* rows = nullptr;   // [H, T, padded_row(E)], times value_scale
};

// Of queries [begin, end).
void write_output_gradients(const AttentionBackward& arguments, int64_t begin, int64_t end, const OutputGradients& to);

// Adds to the gradients of queries, and writes those of the block's keys and values.
void backward_block(const AttentionBackward& arguments, int64_t block, const OutputGradients& given,
                    const QuerySums& sums, BlockBackwardBuffers& buffers);

}  // namespace t6
