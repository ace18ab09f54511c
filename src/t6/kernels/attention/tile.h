// One tile of attention: some heads of some queries against a part of the keys that they see.
#pragma once

#include <cstdint>

#include "t6/kernels/attention.h"
#include "t6/kernels/attention/buffers.h"
#include "t6/kernels/attention/plan.h"

namespace t6 {

// Keys are summed in sections, sections into parts and parts into the whole, always in this tree, so that the sum's
// bits do not depend on who adds what. A section is short enough to share a short cache among threads, and long enough
// for its merge to cost nothing beside it.
constexpr int64_t kSectionTokens = 512;
constexpr int64_t kPartTokens = 4096;

// A tile's columns are its pairs of head and query, queries fastest: (head - first head) * tokens + query.
struct AttentionTile {
  int64_t token = 0, tokens = 0;       // queries [token, token + tokens) of the call
  int64_t group = 0, groups = 0;       // groups of heads
  int64_t key_begin = 0, key_end = 0;  // whole sections, but for the last
};

int64_t tile_columns(const AttentionPlan& plan, const AttentionTile& tile);

// Sums up the tile's part of the keys. `state` has room for its columns, with outputs of padded_row(E) numbers.
void sum_tile(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers,
              const SoftmaxState& state);

// Adds columns [begin, end) of the sums of later keys to those of earlier ones.
void merge_columns(const SoftmaxState& from, const SoftmaxState& into, int64_t stride, int64_t begin, int64_t end);

// Writes the outputs of columns [begin, end), whose sums are whole.
void finish_columns(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile,
                    const SoftmaxState& state, int64_t begin, int64_t end);

}  // namespace t6
