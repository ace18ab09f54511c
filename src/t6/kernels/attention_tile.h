// One tile of attention: some heads of some queries against all keys that they see.
#pragma once

#include <hwy/aligned_allocator.h>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "t6/kernels/attention.h"

namespace t6 {

// Heads of one group (of k and of v, where those are grouped), so that they share feature factors.
struct AttentionTile {
  int64_t token = 0, tokens = 0;  // queries [token, token + tokens) of the call
  int64_t head = 0, heads = 0;
};

// Grows to the largest size asked for and stays. Aligned for vectors; the contents are not kept.
class AlignedBuffer {
 public:
  float* reserve(int64_t size) {
    if (size > size_) data_ = hwy::AllocateAligned<float>(static_cast<size_t>(size_ = size));
    return data_.get();
  }

 private:
  hwy::AlignedFreeUniquePtr<float[]> data_;
  int64_t size_ = 0;
};

// Working memory of one thread, kept from tile to tile.
struct TileBuffers {
  AlignedBuffer queries, dense, head_factors, scores, logits, weights, output, shifts;
  std::vector<float> query_rows, key_rows, value_rows;
};

void attend_tile(const Attention& arguments, const AttentionTile& tile, TileBuffers& buffers);

}  // namespace t6
