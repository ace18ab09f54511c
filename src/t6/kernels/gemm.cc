#include "t6/kernels/gemm.h"

#include <algorithm>

#include "t6/core/rounding.h"
#include "t6/kernels/simd/aligned_buffer.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/gemm.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/linear/gemm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// A panel of B, [256, 32] floats of AVX-512, fills two thirds of a first-level cache of 48 KiB; the panels of A and the
// tiles of C that pass it by have the rest.
constexpr int64_t kBlockDepth = 256;
// A block of A, 516 x 256 floats, fills half of a second-level cache of 1 MiB. So many rows read a panel of B before it
// goes that packing it costs little, and 512 of them, a common number of tokens, are one block.
constexpr int64_t kBlockRows = 520 / kTileRows * kTileRows;
// A block of C, 516 x 1024 floats, is written and read once for each block of K: 2 MiB, which a core's share of the
// third-level cache holds.
constexpr int64_t kBlockColumns = 1024;

// A part of C.
struct GemmPart {
  int64_t row = 0, rows = 0;
  int64_t column = 0, columns = 0;
};

// Of one part: a packed block of A, a packed panel of B.
struct GemmBuffers {
  AlignedBuffer a, b;
};

PanelSource rows_of_a(const Gemm& p, int64_t row, int64_t k) {
  return {p.a + (p.transpose_a ? k * p.a_stride + row : row * p.a_stride + k), p.a_stride, p.transpose_a};
}

PanelSource columns_of_b(const Gemm& p, int64_t column, int64_t k) {
  return {p.b + (p.transpose_b ? column * p.b_stride + k : k * p.b_stride + column), p.b_stride, !p.transpose_b};
}

// Multiplies a packed block of A by a packed panel of B.
void multiply_panel(const float* a, const float* b, int64_t depth, int64_t rows, TileResult result) {
  for (int64_t row = 0; row < rows; row += kTileRows, a += depth * kTileRows) {
    result.rows = std::min<int64_t>(kTileRows, rows - row);
    if (result.rows == kTileRows && result.columns == kTileColumns) {
      multiply_tile<true>(a, b, depth, result);
    } else {
      multiply_tile<false>(a, b, depth, result);
    }
    result.c += kTileRows * result.stride;
  }
}

// Adds the products of numbers [k, k + depth) to a block of C. a and b: room for a packed block of A, a panel of B.
void multiply_block(const Gemm& p, const GemmPart& block, int64_t k, int64_t depth, float* a, float* b) {
  for (int64_t i = 0; i < block.rows; i += kTileRows) {
    pack_panel<kTileRows>(rows_of_a(p, block.row + i, k), std::min<int64_t>(kTileRows, block.rows - i), depth,
                          a + i * depth);
  }
  for (int64_t j = 0; j < block.columns; j += kTileColumns) {
    const int64_t column = block.column + j, columns = std::min(kTileColumns, block.columns - j);
    pack_panel<kTileColumns>(columns_of_b(p, column, k), columns, depth, b);
    multiply_panel(a, b, depth, block.rows,
                   {.c = p.c + block.row * p.c_stride + column,
                    .stride = p.c_stride,
                    .columns = columns,
                    .accumulate = p.accumulate || k > 0});
  }
}

// `count` divided into blocks of one size, whole steps of at most `most`, instead of the largest ones and a rest.
int64_t even_block(int64_t count, int64_t most, int64_t step) {
  return divide_up(divide_up(count, divide_up(count, most)), step) * step;
}

void multiply_part(const Gemm& p, const GemmPart& part, GemmBuffers& buffers) {
  float* a = buffers.a.reserve(kBlockRows * kBlockDepth + kPanelOvershoot);
  float* b = buffers.b.reserve(kBlockDepth * kTileColumns + kPanelOvershoot);
  const int64_t block_depth = even_block(p.K, kBlockDepth, 1);
  const int64_t block_rows = even_block(part.rows, kBlockRows, kTileRows);
  const int64_t block_columns = even_block(part.columns, kBlockColumns, kTileColumns);
  for (int64_t column = part.column, end = column + part.columns; column < end; column += block_columns) {
    for (int64_t k = 0; k < p.K; k += block_depth) {
      for (int64_t row = part.row, last = row + part.rows; row < last; row += block_rows) {
        multiply_block(p, {row, std::min(block_rows, last - row), column, std::min(block_columns, end - column)}, k,
                       std::min(block_depth, p.K - k), a, b);
      }
    }
  }
}

// Parts of whole tiles, [rows, columns] each, for at most `threads` threads.
struct GemmGrid {
  int64_t rows = 0, columns = 0;
};

GemmGrid divide(const Gemm& p, int64_t threads) {
  // What packing a number costs, in multiply-adds of a vector: a part packs its rows once, and its columns once for
  // each block of rows.
  constexpr int64_t kPackingCost = 8;
  GemmGrid best;
  int64_t least = INT64_MAX;
  for (int64_t down = 1; down <= threads; ++down) {
    const int64_t rows = divide_up(divide_up(p.M, down), kTileRows) * kTileRows;
    const int64_t columns = divide_up(divide_up(p.N, threads / down), kTileColumns) * kTileColumns;
    const int64_t cost =
        rows * columns + kPackingCost * (rows + columns * divide_up(rows, kBlockRows)) * kLanes / kTileVectors;
    if (cost < least) {
      least = cost;
      best = {rows, columns};
    }
  }
  return best;
}

void multiply(Context& context, const Gemm& p, int64_t threads) {
  const GemmGrid grid = divide(p, threads);
  const int64_t across = divide_up(p.N, grid.columns), parts = divide_up(p.M, grid.rows) * across;
  // No more parts than threads.
  auto& buffers = context.memory<std::vector<GemmBuffers>>();
  if (buffers.size() < static_cast<size_t>(parts)) buffers.resize(static_cast<size_t>(parts));
  context.parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / across * grid.rows, column = i % across * grid.columns;
      multiply_part(p,
                    {.row = row,
                     .rows = std::min(grid.rows, p.M - row),
                     .column = column,
                     .columns = std::min(grid.columns, p.N - column)},
                    buffers[static_cast<size_t>(i)]);
    }
  });
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(multiply);

void gemm(Context& context, const Gemm& product) {
  // Multiply-adds that are worth a thread's start (some 10 microseconds).
  constexpr int64_t kGrain = 500'000;

  Gemm p = product;
  if (p.M <= 0 || p.N <= 0) return;
  if (p.a_stride == 0) p.a_stride = p.transpose_a ? p.M : p.K;
  if (p.b_stride == 0) p.b_stride = p.transpose_b ? p.K : p.N;
  if (p.c_stride == 0) p.c_stride = p.N;
  if (p.K <= 0) {
    for (int64_t m = 0; !p.accumulate && m < p.M; ++m) std::fill_n(p.c + m * p.c_stride, p.N, 0.0f);
    return;
  }
  HWY_DYNAMIC_DISPATCH(multiply)(context, p, std::clamp<int64_t>(p.M * p.N * p.K / kGrain, 1, context.thread_count()));
}

}  // namespace t6
#endif  // HWY_ONCE
