// Working memory of the attention kernels, one of each kind for each thread; a Context keeps it from call to call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "t6/core/rounding.h"
#include "t6/kernels/aligned_buffer.h"
#include "t6/kernels/attention/stored_values.h"
#include "t6/numbers/cache_page.h"

namespace t6 {

// Rows of the attention kernels end on whole vectors of any target, 16 floats at most.
constexpr int64_t kLaneRoom = 16;
constexpr int64_t padded_row(int64_t count) { return round_up(count, kLaneRoom); }

struct RowBuffers {
  std::vector<float> stored, third;
};

// Of the keys or the values of one block.
struct BlockBuffers {
  RowBuffers rows;
  AlignedBuffer a_tile, a_scales, b_scales, numbers, columns, materialized_heads, feature_rows, head_rows;
  std::vector<StoredValues> a, b;  // [ranks]
};

// The online softmax of some columns (pairs of head and query) over a part of the keys: weights and outputs are
// relative to the maximum.
struct SoftmaxState {
  float* maximum = nullptr;  // [columns]
  float* sum = nullptr;      // [columns], of the weights
  float* output = nullptr;   // [columns, stride]
};

// Numbers of memory that a state takes, a multiple of the alignment, and the state in memory that is moved past it.
inline int64_t state_size(int64_t columns, int64_t stride) { return padded_row(columns * (stride + 2)); }
inline SoftmaxState place_state(float*& memory, int64_t columns, int64_t stride) {
  float* at = memory;
  memory += state_size(columns, stride);
  return {at + columns * stride, at + columns * (stride + 1), at};
}

struct StateBuffer {
  AlignedBuffer memory;
  SoftmaxState reserve(int64_t columns, int64_t stride) {
    float* at = memory.reserve(state_size(columns, stride));
    return place_state(at, columns, stride);
  }
};

struct TileBuffers {
  AlignedBuffer bfloat_queries, bfloat_keys, bfloat_weights, bfloat_values;
  AlignedBuffer queries, turned, query_heads, products, logits, weights, materialized, lane_sums;
  BlockBuffers keys, values;
  StateBuffer section, part, total;
  RowBuffers rows;
  std::vector<float> query_rows;
  std::vector<StoredValues> head_factors, next_head_factors;
};

}  // namespace t6
