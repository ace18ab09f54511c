// Products of strips with many rows of x by matrix tiles: the integer sums of linear/matrix_tiles.h, scaled as the
// vectors' (strips-inl.h), to the same bits.

#if defined(T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_
#undef T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_
#else
#define T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_
#endif

#include <algorithm>

#include "t6/kernels/linear/matmul_strips-inl.h"
#include "t6/kernels/linear/matrix_tiles.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// A tile's product takes 16 cycles for 16 rows and up to 64 columns, as long as vectors of one block's 32 columns take
// for 4 rows or of a group's 16 for 8. Fewer rows than this are left to vectors.
constexpr int64_t kLeastTileRows = 8;

static_assert(HWY_TARGET != HWY_AVX3_DL || (kGroupVectors == 1 && kTileLanes == kWeightGroup));

// Integer sums of one tile of rows with each group of a strip.
using TileSums = int32_t[kMostGroups][kMostTileRows][kTileLanes];

// Adds a strip's products with rows [row, row + count) of a part to y, [rows, 16]. x: the strip's first block of the
// part's first row. The tiles have `tile_rows` rows; where fewer are left, they begin with rows that are done.
template <typename Strips>
void add_strip(const Strip& strip, const ActivationBlock* x, int64_t x_blocks, int64_t row, int64_t count,
               int64_t tile_rows, float* y) {
  constexpr int64_t kGroups = Strips::kGroups;
  const Floats d;
  HWY_ALIGN TileSums sums;
  const int64_t first = row + count - tile_rows;
  const int8_t* values[kMostGroups];
  for (int64_t i = 0; i < strip.blocks * kGroups; ++i) {
    values[i] = x[first * x_blocks + i / kGroups].values + i % kGroups * (kWeightBlock / kGroups);
  }
  multiply_byte_tiles(values, x_blocks * int64_t{sizeof(ActivationBlock)}, strip.weights, strip.blocks * kGroups,
                      &sums[0][0][0]);
  for (int64_t t = row; t < row + count; ++t) {
    Vector total = hn::Load(d, y + t * kWeightGroup);
    for (int64_t b = 0; b < strip.blocks; ++b) {
      const ActivationBlock& block = x[t * x_blocks + b];
      const auto sum = [&](int64_t i) HWY_ATTR { return hn::Load(Integers(), sums[b * kGroups + i][t - first]); };
      Vector product = strip_product<Strips, 0>(strip, 0, b, sum(0), block, total);
      if constexpr (kGroups > 1) product = strip_product<Strips, 1>(strip, 0, b, sum(1), block, product);
      total = hn::MulAdd(hn::Set(d, block.scale), product, total);
    }
    hn::Store(total, d, y + t * kWeightGroup);
  }
}

// kLeastTileRows rows at least.
template <typename Strips>
void multiply_by_tiles(const MatmulTask& p, const MatmulRange& part) {
  const int64_t x_blocks = p.K / kWeightBlock, rows = part.t_end - part.t_begin;
  const int64_t tile_rows = std::min<int64_t>(kMostTileRows, rows);
  const ActivationBlock* x = p.blocks + part.t_begin * x_blocks;
  const MatrixTiles tiles(tile_rows, kWeightBlock / Strips::kGroups);
  for_strips<Strips>(p, part, [&](const Strip& strip, int64_t first_block, float* y) HWY_ATTR {
    for (int64_t row = 0; row < rows; row += tile_rows) {
      add_strip<Strips>(strip, x + first_block, x_blocks, row, std::min(tile_rows, rows - row), tile_rows, y);
    }
  });
}

template <typename Strips>
void multiply_bytes(const MatmulTask& p, const MatmulRange& part) {
  MatmulRange rest = part;
  if constexpr (HWY_TARGET == HWY_AVX3_DL) {  // what processors with tiles run
    const int64_t rows = part.t_end - part.t_begin, last = rows % kMostTileRows;
    const int64_t tiled = last < kLeastTileRows ? rows - last : rows;
    if (p.matrix_tiles && tiled > 0) {
      MatmulRange whole = part;
      whole.t_end = rest.t_begin = part.t_begin + tiled;
      multiply_by_tiles<Strips>(p, whole);
      if (rest.t_begin == rest.t_end) return;
    }
  }
  multiply_by_vectors<Strips>(p, rest);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_
