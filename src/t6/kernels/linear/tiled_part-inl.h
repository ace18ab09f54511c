// Many rows times 64 columns in bfloat16 by matrix tiles: what products of a prompt and of training have in common.

#if defined(T6_KERNELS_LINEAR_TILED_PART_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_TILED_PART_INL_H_
#undef T6_KERNELS_LINEAR_TILED_PART_INL_H_
#else
#define T6_KERNELS_LINEAR_TILED_PART_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "t6/core/rounding.h"
#include "t6/kernels/linear/matrix_tiles.h"
#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Columns that rows, which come from the second-level cache, are multiplied with while they are in the first.
constexpr int64_t kTiledColumns = 2 * kMatrixTileColumns;
// Numbers along K at once, at most: of so many columns, which stay in the first-level cache beside rows that pass by.
constexpr int64_t kTiledSlice = 256;
// Rows whose sums are kept from slice to slice.
constexpr int64_t kTiledSumRows = 256;

// Numbers [k, k + depth) along K, whole tiles, of rows [t_begin, t_end), and as many numbers of columns.
struct TiledPart {
  const uint16_t* x = nullptr;  // in tiles, [rows / 32, K / 32, 32, 32]
  int64_t K = 0;
  int64_t t_begin = 0, t_end = 0;
  int64_t k = 0, depth = 0;
  // Columns by sixteens: neighbours along K in pairs, whose rows lie column_row bytes apart. Of two sixteens that make
  // a tile, or of one alone.
  int64_t halves = 0;
  int64_t column_row = 0;
};

// Where numbers [k, k + depth) of each sixteen are.
using TiledColumns = std::array<const std::byte*, kTiledColumns / kTileLanes>;

// Slice by slice along K: calls columns(k, depth), a TiledColumns, for each, and with it store(t, sums, whole) for each
// 32 rows from t on with their sums, [tiles of columns, 32, 32], which are `whole` after the last slice.
template <typename Columns, typename Store>
void multiply_tiled_part(const TiledPart& part, const Columns& columns, const Store& store) {
  constexpr int64_t kRow = kMatrixTileDepth * 2;  // bytes
  HWY_ALIGN float all[kTiledSumRows * kTiledColumns];
  const MatrixTiles tiles(kMostTileRows, kRow);
  const auto halves = static_cast<size_t>(part.halves);
  const int64_t slice = even_block(part.depth, kTiledSlice, kMatrixTileDepth);
  for (int64_t first = part.t_begin; first < part.t_end; first += kTiledSumRows) {
    const int64_t last = std::min(first + kTiledSumRows, part.t_end);
    for (int64_t k = 0; k < part.depth; k += slice) {
      const int64_t depth = std::min(slice, part.depth - k);
      const TiledColumns from = columns(part.k + k, depth);
      float* sums = all;
      for (int64_t t = first; t < last; t += kMatrixTileRows) {
        const float* of_rows = sums;
        for (size_t half = 0; half < halves; half += 2, sums += kMatrixTileRows * kMatrixTileColumns) {
          multiply_bfloat_matrix_tile({.a = part.x + t * part.K + (part.k + k) * kMatrixTileRows,
                                       .a_row = kRow,
                                       .a_step = kRow * kMatrixTileRows,
                                       .b = from[half],
                                       .b_row = part.column_row,
                                       .b_half = half + 1 < halves ? from[half + 1] - from[half] : 0,
                                       .c = sums,
                                       .c_row = kMatrixTileColumns * int64_t{sizeof(float)},
                                       .steps = depth / kMatrixTileDepth,
                                       .accumulate = k > 0});
        }
        store(t, of_rows, k + slice >= part.depth);
      }
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_TILED_PART_INL_H_
