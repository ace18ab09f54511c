// One matmul as the kernels of each instruction set take it, and the range of it that a thread computes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "t6/kernels/linear/activations.h"
#include "t6/kernels/linear/matrix_tiles.h"
#include "t6/kernels/weight_matrix.h"
#include "t6/numbers/weight_type.h"

namespace t6 {

struct MatmulTask {
  NumberType type = NumberType::f32;
  const std::byte* w = nullptr;  // groups, as WeightMatrix lays them out
  int64_t group_bytes = 0;
  const float* x = nullptr;
  const ActivationBlock* blocks = nullptr;  // [T, K / 32], x for quantized weights
  const uint16_t* bfloats = nullptr;  // x rounded to bfloat16 in tiles, [T / 32, K / 32, 32, 32]; null: not wanted
  float* y = nullptr;
  const float* bias = nullptr;
  int64_t N = 0, K = 0, x_stride = 0, y_stride = 0;
  bool accumulate = false;
  bool matrix_tiles = false;  // has_matrix_tiles()
};

// The weights of a task.
inline MatmulTask task_of(const WeightMatrix& w) {
  return {.type = w.type(), .w = w.group(0), .group_bytes = w.group_bytes(), .N = w.rows(), .K = w.columns()};
}

// Rows of x that stay in a second-level cache while the weights pass by.
constexpr int64_t kPartRows = 128;
// Of bfloat16 tiles, and numbers along K at once: with their outputs they stay in a second-level cache of 2 MiB, and
// where a prompt's rows are divided first, each thread finds the rows that it wrote in its own. Where half of
// them come from another thread's, tiles run at 0.6 to 0.8 of the rate.
constexpr int64_t kTiledRows = 256;
constexpr int64_t kTiledDepth = 1536;

// Rows of T that parts of bfloat16 products have.
inline int64_t tiled_part_rows(int64_t T) { return even_block(T, kTiledRows, kMatrixTileRows); }

// Rows of x, at most kPartRows or kTiledRows, and groups of outputs.
struct MatmulRange {
  int64_t t_begin = 0, t_end = 0;
  int64_t group_begin = 0, group_end = 0;
};

}  // namespace t6
