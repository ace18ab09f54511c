// Products of quantized and of bfloat16 weights in bfloat16 by matrix tiles: a strip of weights is made bfloat16
// numbers once for all rows of x, and nothing is left to do but multiply and add.

#if defined(T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_
#undef T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_
#else
#define T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_
#endif

#include <algorithm>

#include "t6/core/rounding.h"
#include "t6/kernels/linear/matrix_tiles.h"
#include "t6/kernels/linear/strips-inl.h"
#include "t6/kernels/simd/bfloats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Numbers along K at once: those of 512 rows of x stay in a second-level cache of 2 MiB while the weights pass by.
constexpr int64_t kTiledDepth = 6 * kStripColumns;
// So many at once of the weights, which stay in the first-level cache beside rows of x that pass by.
constexpr int64_t kSliceDepth = kStripColumns;
// Bytes of 32 numbers of a group's 16 outputs, a tile.
constexpr int64_t kTileBytes = kMatrixTileDepth * kWeightGroup * 2;

// Four columns of a group, whose weights lie a byte each in the lanes, as two rows of pairs.
HWY_INLINE void write_weight_pairs(const std::byte* weights, Vector scale, Vector zero, std::byte* to) {
  const Bytes all = load_bytes(weights), low = hn::Set(Lanes32(), 255);
  const auto number = [&](Bytes byte) HWY_ATTR {
    return hn::MulAdd(hn::ConvertTo(Floats(), hn::BitCast(Integers(), byte)), scale, zero);
  };
  auto* pairs = reinterpret_cast<uint32_t*>(to);
  store_pairs(number(hn::And(all, low)), number(hn::And(hn::ShiftRight<8>(all), low)), pairs);
  store_pairs(number(hn::And(hn::ShiftRight<16>(all), low)), number(hn::ShiftRight<24>(all)), pairs + kWeightGroup);
}

// Columns [k, k + depth) of a group of rows as bfloat16 tiles, [depth / 32, 16, 16, 2].
template <typename Strips>
void write_weight_tiles(const std::byte* group, int64_t k, int64_t depth, std::byte* to) {
  constexpr int64_t kLines = kWeightBlock / Strips::kGroups / 4;  // of four columns that share a scale
  Strip strip;
  for (const int64_t end = k + depth; k < end; k += kStripColumns) {
    strip.blocks = std::min(kStripColumns, end - k) / kWeightBlock;
    Strips::load(group, k, strip);
    for (int64_t i = 0; i < strip.blocks * Strips::kGroups; ++i) {
      const Vector scale = strip.scales[0].scales[i];
      const Vector zero = Strips::kMinima ? strip.scales[0].minima[i]
                                          : hn::Mul(scale, hn::Set(Floats(), static_cast<float>(-Strips::kZero)));
      for (int64_t line = 0; line < kLines; ++line, to += 4 * kWeightGroup * 2) {
        write_weight_pairs(strip.weights[i] + line * kChunk, scale, zero, to);
      }
    }
  }
}

// Which numbers along K of which of x's rows and of which one or two groups of weights, whose tiles are `weights` and
// those group_bytes behind them. Sums of all rows, [rows / 32, 32, 32], are kept from the first numbers to the last
// ones of a part of K; then they go to y, from the first part of K on.
struct TiledPart {
  const MatmulRange& rows;
  int64_t k = 0, depth = 0;
  int64_t group = 0, groups = 0;
  const std::byte* weights = nullptr;
  int64_t group_bytes = 0;
  float* sums = nullptr;
  bool first = true, last = true, more = false;
};

inline void store_tile(const MatmulTask& p, const TiledPart& part, int64_t t, const float* sums) {
  const int64_t rows = std::min<int64_t>(kMatrixTileRows, part.rows.t_end - t);
  for (int64_t r = 0; r < rows; ++r, sums += kMatrixTileColumns) {
    for (int64_t g = 0; g < part.groups; ++g) {
      store_outputs(p, t + r, part.group + g, hn::Load(Floats(), sums + g * kWeightGroup), part.more);
    }
  }
}

inline void multiply_tiled_part(const MatmulTask& p, const TiledPart& part) {
  constexpr int64_t kRow = kMatrixTileDepth * 2, kFloat = sizeof(float);
  const MatrixTiles tiles(kMostTileRows, kRow);
  float* sums = part.sums;
  for (int64_t t = part.rows.t_begin; t < part.rows.t_end; t += kMatrixTileRows) {
    multiply_bfloat_matrix_tile({.a = p.bfloats + t * p.K + part.k * kMatrixTileRows,
                                 .a_row = kRow,
                                 .a_step = kRow * kMatrixTileRows,
                                 .b = part.weights,
                                 .b_row = kWeightGroup * kFloat,
                                 .b_half = part.groups > 1 ? part.group_bytes : 0,
                                 .c = sums,
                                 .c_row = kMatrixTileColumns * kFloat,
                                 .steps = part.depth / kMatrixTileDepth,
                                 .accumulate = !part.first});
    if (part.last) store_tile(p, part, t, sums);
    sums += kMatrixTileRows * kMatrixTileColumns;
  }
}

// Rows from a multiple of 32 on. tiles(part) says where the tiles of its weights are, having made them where there are
// none.
template <typename Tiles>
void multiply_by_bfloat_tiles(const MatmulTask& p, const MatmulRange& rows, const Tiles& tiles) {
  HWY_ALIGN float sums[kTiledRows * kMatrixTileColumns];
  for (int64_t k = 0; k < p.K; k += kTiledDepth) {
    const int64_t end = std::min(p.K, k + kTiledDepth);
    for (int64_t group = rows.group_begin; group < rows.group_end; group += 2) {
      TiledPart part = {.rows = rows, .group = group, .sums = sums, .more = k > 0};
      part.groups = std::min<int64_t>(2, rows.group_end - group);
      for (part.k = k; part.k < end; part.k += kSliceDepth) {
        part.depth = std::min(kSliceDepth, end - part.k);
        part.first = part.k == k;
        part.last = part.k + part.depth == end;
        tiles(part);
        multiply_tiled_part(p, part);
      }
    }
  }
}

// Of types whose strips are made bfloat16.
template <typename Strips>
void multiply_strips_as_bfloats(const MatmulTask& p, const MatmulRange& rows) {
  HWY_ALIGN std::byte panel[2 * kSliceDepth / kMatrixTileDepth * kTileBytes];
  multiply_by_bfloat_tiles(p, rows, [&](TiledPart& part) {
    part.weights = panel;
    part.group_bytes = part.depth / kMatrixTileDepth * kTileBytes;
    for (int64_t g = 0; g < part.groups; ++g) {
      write_weight_tiles<Strips>(p.w + (part.group + g) * p.group_bytes, part.k, part.depth,
                                 panel + g * part.group_bytes);
    }
  });
}

// Of bfloat16 weights, which are tiles as they are.
inline void multiply_stored_bfloats(const MatmulTask& p, const MatmulRange& rows) {
  multiply_by_bfloat_tiles(p, rows, [&](TiledPart& part) {
    part.weights = p.w + part.group * p.group_bytes + part.k / kMatrixTileDepth * kTileBytes;
    part.group_bytes = p.group_bytes;
  });
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_MATMUL_BFLOATS_INL_H_
