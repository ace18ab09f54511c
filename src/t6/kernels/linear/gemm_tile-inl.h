// The innermost part of a matrix product: panels of both operands, packed as they are read, and a tile of sums in
// registers (Goto and van de Geijn 2008).

#if defined(T6_KERNELS_LINEAR_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_GEMM_TILE_INL_H_
#undef T6_KERNELS_LINEAR_GEMM_TILE_INL_H_
#else
#define T6_KERNELS_LINEAR_GEMM_TILE_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "t6/kernels/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// A tile of sums and the row that it is multiplied by fill the registers: 14 x 2 + 2 of the 32 of AVX-512, 6 x 2 + 2 of
// AVX2's 16, 4 x 3 + 3 of SSE's 16, 8 x 3 + 3 of NEON's 32. A tile has whole vectors of rows or fewer than one, because
// what transposing writes past a step of a panel must be the next step's beginning.
constexpr int kTileRows = kLanes >= 16 ? 14 : kLanes == 8 ? 6 : HWY_ARCH_X86 ? 4 : 8;
constexpr int kTileVectors = kLanes == 4 ? 3 : 2;
constexpr int64_t kTileColumns = kTileVectors * kLanes;

// Lines of an operand, the rows of A or the columns of B, as they lie in memory.
struct PanelSource {
  const float* data = nullptr;
  int64_t stride = 0;
  bool side_by_side = false;  // number k of line i is data[k * stride + i]; otherwise data[i * stride + k]
};

// Numbers that packing may write past the end of a panel.
constexpr int64_t kPanelOvershoot = kLanes;

// The first `width` lines of `from`, `depth` numbers each, as panel [depth, kWidth]. Lines past `width` are anything:
// tiles multiply them, and nobody stores the result.
template <int kWidth>
void pack_panel(const PanelSource& from, int64_t width, int64_t depth, float* panel) {
  if (!from.side_by_side) return transpose_rows(from.data, from.stride, width, depth, panel, kWidth);
  for (int64_t k = 0; k < depth; ++k, panel += kWidth) {
    const float* row = from.data + k * from.stride;
    if (width == kWidth) {
      std::memcpy(panel, row, sizeof(float) * kWidth);
    } else {
      std::copy_n(row, width, panel);
      std::fill(panel + width, panel + kWidth, 0.0f);
    }
  }
}

// Where a tile's sums go: the first `rows` x `columns` of them.
struct TileResult {
  float* c = nullptr;
  int64_t stride = 0, rows = kTileRows, columns = kTileColumns;
  bool accumulate = false;
};

// Sums over k in order, one multiply-add each. a [depth, kTileRows], b [depth, kTileColumns], b aligned.
template <bool kWhole>
HWY_INLINE void multiply_tile(const float* a, const float* b, int64_t depth, const TileResult& result) {
  const Floats d;
  Vector sums[kTileRows][kTileVectors];
  T6_UNROLL
  for (int r = 0; r < kTileRows; ++r) {
    T6_UNROLL
    for (int v = 0; v < kTileVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  for (int64_t k = 0; k < depth; ++k, a += kTileRows, b += kTileColumns) {
    Vector row[kTileVectors];
    T6_UNROLL
    for (int v = 0; v < kTileVectors; ++v) row[v] = hn::Load(d, b + v * kLanes);
    T6_UNROLL
    for (int r = 0; r < kTileRows; ++r) {
      const Vector factor = hn::Set(d, a[r]);
      T6_UNROLL
      for (int v = 0; v < kTileVectors; ++v) sums[r][v] = hn::MulAdd(factor, row[v], sums[r][v]);
    }
  }
  T6_UNROLL
  for (int r = 0; r < kTileRows; ++r) {
    if (!kWhole && r >= result.rows) break;
    T6_UNROLL
    for (int v = 0; v < kTileVectors; ++v) {
      float* to = result.c + r * result.stride + v * kLanes;
      const int64_t left = result.columns - v * kLanes;
      if (kWhole || left >= kLanes) {
        hn::StoreU(result.accumulate ? hn::Add(hn::LoadU(d, to), sums[r][v]) : sums[r][v], d, to);
      } else if (left > 0) {
        const auto count = static_cast<size_t>(left);
        store_first(result.accumulate ? hn::Add(load_first(d, to, count), sums[r][v]) : sums[r][v], d, to, count);
      }
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_GEMM_TILE_INL_H_
