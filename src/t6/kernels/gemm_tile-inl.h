// The innermost part of a matrix product: panels of both operands, packed as they are read, and a tile of sums in
// registers (Goto and van de Geijn 2008).

#if defined(T6_KERNELS_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_GEMM_TILE_INL_H_
#undef T6_KERNELS_GEMM_TILE_INL_H_
#else
#define T6_KERNELS_GEMM_TILE_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "t6/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

constexpr int64_t kLanes = hn::MaxLanes(Floats());
// A tile of sums and the row that it is multiplied by fill the registers: 14 x 2 + 2 of 32, 6 x 2 + 2 of the 16 that
// x86 has before AVX-512.
constexpr int kTileRows = HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3 ? 6 : 14;
constexpr int kTileVectors = 2;
constexpr int64_t kTileColumns = kTileVectors * kLanes;

// Lines of an operand, the rows of A or the columns of B, as they lie in memory.
struct PanelSource {
  const float* data = nullptr;
  int64_t stride = 0;
  bool side_by_side = false;  // number k of line i is data[k * stride + i]; otherwise data[i * stride + k]
};

// Numbers that packing may write past the end of a panel.
constexpr int64_t kPanelOvershoot = 4;

// Four lines at a time, so that reads and writes are vectors: element (k, i) to panel[k * kWidth + i].
template <int kWidth>
HWY_INLINE void pack_transposed(const float* const (&lines)[kWidth], int64_t depth, float* panel) {
  int64_t k = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d;
  const hn::Repartition<double, decltype(d)> pairs;
  const auto transpose = [=](int64_t i, int64_t at) HWY_ATTR {
    const auto a = hn::LoadU(d, lines[i] + at), b = hn::LoadU(d, lines[std::min<int64_t>(i + 1, kWidth - 1)] + at);
    const auto c = hn::LoadU(d, lines[std::min<int64_t>(i + 2, kWidth - 1)] + at);
    const auto e = hn::LoadU(d, lines[std::min<int64_t>(i + 3, kWidth - 1)] + at);
    const auto low_ab = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
    const auto low_ce = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
    const auto high_ab = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
    const auto high_ce = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
    float* to = panel + at * kWidth + i;
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low_ab, low_ce)), d, to);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low_ab, low_ce)), d, to + kWidth);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high_ab, high_ce)), d, to + 2 * kWidth);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high_ab, high_ce)), d, to + 3 * kWidth);
  };
  for (; k + 4 <= depth; k += 4) {
    // From the last lines to the first: when fewer than four are left, what is written past them is the beginning of
    // the next step, which comes afterwards.
    for (int64_t i = (kWidth - 1) / 4 * 4; i >= 0; i -= 4) transpose(i, k);
  }
#endif
  for (; k < depth; ++k) {
    for (int64_t i = 0; i < kWidth; ++i) panel[k * kWidth + i] = lines[i][k];
  }
}

// The first `width` lines of `from`, `depth` numbers each, as panel [depth, kWidth]. Lines past `width` become copies
// or zeros: tiles multiply them, and nobody stores the result.
template <int kWidth>
void pack_panel(const PanelSource& from, int64_t width, int64_t depth, float* panel) {
  if (!from.side_by_side) {
    const float* lines[kWidth];
    for (int64_t i = 0; i < kWidth; ++i) lines[i] = from.data + std::min(i, width - 1) * from.stride;
    return pack_transposed<kWidth>(lines, depth, panel);
  }
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

#endif  // T6_KERNELS_GEMM_TILE_INL_H_
