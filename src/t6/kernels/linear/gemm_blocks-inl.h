// How a matrix product is divided: parts for threads, blocks for caches, panels for tiles; whatever the panels hold.

#if defined(T6_KERNELS_LINEAR_GEMM_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_GEMM_BLOCKS_INL_H_
#undef T6_KERNELS_LINEAR_GEMM_BLOCKS_INL_H_
#else
#define T6_KERNELS_LINEAR_GEMM_BLOCKS_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <vector>

#include "t6/core/rounding.h"
#include "t6/kernels/aligned_buffer.h"
#include "t6/kernels/context.h"
#include "t6/kernels/linear/gemm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// A block of A, 516 x 256 floats, fills half of a second-level cache of 1 MiB. So many rows read a panel of B before it
// goes that packing it costs little, and 512 of them, a common number of tokens, are one block.
template <typename Product>
constexpr int64_t kBlockRows = 520 / Product::kRows* Product::kRows;
// A block of C, 516 x 1024 floats, is written and read once for each block of K: 2 MiB, which a core's share of the
// third-level cache holds.
constexpr int64_t kBlockColumns = 1024;

// A part of C.
struct GemmPart {
  int64_t row = 0, rows = 0;
  int64_t column = 0, columns = 0;
};

// Numbers [k, k + depth) of K.
struct GemmDepth {
  int64_t k = 0, depth = 0;
};

// Of one part: a packed block of A, packed panels of B, and sums that are not C's yet.
struct GemmBuffers {
  AlignedBuffer a, b, sums;
};

// Parts of whole tiles, [rows, columns] each, for at most `threads` threads.
struct GemmGrid {
  int64_t rows = 0, columns = 0;
};

template <typename Product>
GemmGrid divide_product(int64_t M, int64_t N, int64_t threads) {
  // What packing a number costs, in multiply-adds of a vector: a part packs its rows once, and its columns once for
  // each block of rows.
  constexpr int64_t kPackingCost = 8;
  GemmGrid best;
  int64_t least = INT64_MAX;
  for (int64_t down = 1; down <= threads; ++down) {
    const int64_t rows = divide_up(divide_up(M, down), Product::kRows) * Product::kRows;
    const int64_t columns = divide_up(divide_up(N, threads / down), Product::kColumns) * Product::kColumns;
    const int64_t cost =
        rows * columns + kPackingCost * (rows + columns * divide_up(rows, kBlockRows<Product>)) * kLanes / kTileVectors;
    if (cost < least) {
      least = cost;
      best = {rows, columns};
    }
  }
  return best;
}

// A Product knows its M, N and K, the size of a tile of sums (kRows, kColumns), the most numbers of K at once
// (kBlockDepth, whole steps of kDepthStep), how many floats of a line of a panel `depth` numbers take, whether A is
// packed some numbers of K at a time, how to pack panels of A and of B, and how to multiply two of them:
//   panel_depth(depth); packs_rows_in_steps(); pack_rows(row, rows, depth, panel);
//   pack_columns(column, columns, depth, panel); multiply_panel(a, b, part, depth, sums)
// Where it says keeps_sums(), `sums` is memory of the part, rows kBlockColumns apart, that is kept while a block of C
// is computed; otherwise null.

// Where packed panels of B go, one after the other or all into the same place, and whether they are there already.
struct GemmColumns {
  float* panels = nullptr;
  bool kept = false, packed = false;
};

// A block of A. Where its rows lie side by side a panel takes but a line of the cache or two of a row of memory, so
// that all panels are packed some numbers of K at a time, if packing a panel writes nothing past its end.
template <typename Product>
void pack_block_rows(const Product& p, const GemmPart& block, const GemmDepth& at, float* a) {
  constexpr int64_t kStep = 64;
  const int64_t panel_depth = p.panel_depth(at.depth), most = p.packs_rows_in_steps() ? kStep : at.depth;
  for (int64_t k = 0; k < at.depth; k += most) {
    for (int64_t i = 0; i < block.rows; i += Product::kRows) {
      p.pack_rows(block.row + i, std::min<int64_t>(Product::kRows, block.rows - i),
                  {at.k + k, std::min(most, at.depth - k)}, a + i * panel_depth + p.panel_depth(k) * Product::kRows);
    }
  }
}

// Adds the products of some numbers of K to a block of C.
template <typename Product>
void multiply_block(const Product& p, const GemmPart& block, const GemmDepth& depth, const GemmColumns& columns,
                    GemmBuffers& buffers) {
  float* a = buffers.a.reserve(kBlockRows<Product> * p.panel_depth(Product::kBlockDepth) + kPanelOvershoot);
  float* sums = p.keeps_sums() ? buffers.sums.reserve(kBlockRows<Product> * kBlockColumns) : nullptr;
  pack_block_rows(p, block, depth, a);
  for (int64_t j = 0; j < block.columns; j += Product::kColumns) {
    const GemmPart panel = {block.row, block.rows, block.column + j,
                            std::min<int64_t>(Product::kColumns, block.columns - j)};
    float* b = columns.panels + (columns.kept ? j * p.panel_depth(depth.depth) : 0);
    if (!columns.packed) p.pack_columns(panel.column, panel.columns, depth, b);
    p.multiply_panel(a, b, panel, depth, sums ? sums + j : nullptr);
  }
}

template <typename Product>
void multiply_part(const Product& p, const GemmPart& part, GemmBuffers& buffers) {
  const int64_t block_depth = even_block(p.K(), Product::kBlockDepth, Product::kDepthStep);
  const int64_t block_rows = even_block(part.rows, kBlockRows<Product>, Product::kRows);
  const int64_t block_columns = even_block(part.columns, kBlockColumns, Product::kColumns);
  // Panels that several blocks of rows read are packed once, unless K is very long.
  constexpr int64_t kMostKept = int64_t{1} << 21;  // floats
  const int64_t all = p.panel_depth(p.K()) * block_columns, one = p.panel_depth(block_depth) * Product::kColumns;
  const bool kept = part.rows > block_rows && all <= kMostKept;
  float* panels = buffers.b.reserve((kept ? all : one) + kPanelOvershoot);
  for (int64_t column = part.column, end = column + part.columns; column < end; column += block_columns) {
    for (int64_t row = part.row, last = row + part.rows; row < last; row += block_rows) {
      const GemmPart block = {row, std::min(block_rows, last - row), column, std::min(block_columns, end - column)};
      for (int64_t k = 0; k < p.K(); k += block_depth) {
        const GemmColumns columns = {panels + (kept ? p.panel_depth(k) * block_columns : 0), kept,
                                     kept && row > part.row};
        multiply_block(p, block, {k, std::min(block_depth, p.K() - k)}, columns, buffers);
      }
    }
  }
}

template <typename Product>
void multiply_in_parts(Context& context, const Product& p, int64_t threads) {
  const int64_t M = p.M(), N = p.N();
  const GemmGrid grid = divide_product<Product>(M, N, threads);
  const int64_t across = divide_up(N, grid.columns), parts = divide_up(M, grid.rows) * across;
  // No more parts than threads.
  auto& buffers = context.memory<std::vector<GemmBuffers>>();
  if (buffers.size() < static_cast<size_t>(parts)) buffers.resize(static_cast<size_t>(parts));
  context.parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / across * grid.rows, column = i % across * grid.columns;
      const GemmPart part = {row, std::min(grid.rows, M - row), column, std::min(grid.columns, N - column)};
      multiply_part(p, part, buffers[static_cast<size_t>(i)]);
    }
  });
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_GEMM_BLOCKS_INL_H_
