// What products of every weight type share: the arguments of a kernel, where outputs go, how rows of x are tiled.

#if defined(T6_KERNELS_LINEAR_MATMUL_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_MATMUL_TILE_INL_H_
#undef T6_KERNELS_LINEAR_MATMUL_TILE_INL_H_
#else
#define T6_KERNELS_LINEAR_MATMUL_TILE_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "t6/kernels/linear/matmul_task.h"
#include "t6/kernels/simd/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

static_assert(kWeightGroup % kLanes == 0, "a group is whole vectors");
constexpr int64_t kGroupVectors = kWeightGroup / kLanes;

// Outputs are counted in vectors: vector v holds outputs v * kLanes and on.
HWY_INLINE const std::byte* group_of(const MatmulTask& p, int64_t vector) {
  return p.w + vector / kGroupVectors * p.group_bytes;
}
HWY_INLINE int64_t lane_of(int64_t vector) { return vector % kGroupVectors * kLanes; }

// Writes one vector of outputs of row t. `more`: they belong to sums that are in y already.
HWY_INLINE void store_outputs(const MatmulTask& p, int64_t t, int64_t vector, Vector sums, bool more) {
  const Floats d;
  const int64_t n = vector * kLanes;
  if (n >= p.N) return;
  float* y = p.y + t * p.y_stride + n;
  const bool add = more || p.accumulate;
  const float* bias = more || !p.bias ? nullptr : p.bias + n;
  if (bias) sums = hn::Add(sums, load_up_to(d, bias, p.N - n));
  if (add) sums = hn::Add(load_up_to(d, y, p.N - n), sums);
  store_up_to(sums, d, y, p.N - n);
}

// Bytes of weights that are fetched ahead: a processor by itself looks ahead over some hundred instructions, which are
// not as many bytes.
constexpr int64_t kAhead = 8 << 10;
HWY_INLINE void fetch_ahead(const std::byte* weights, int64_t bytes) {
  constexpr int64_t kLine = 64;
  for (int64_t i = 0; i < bytes; i += kLine) hwy::Prefetch(weights + kAhead + i);
}

constexpr int kVectorTileRows = HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3 ? 4 : 8;  // 16 registers, or 32

// Calls Tile::run<rows, kVectors>(p, t, arguments...) for tiles of at most kRows rows that cover the part's rows of x,
// large ones first.
template <typename Tile, int kVectors, int kRows = kVectorTileRows, typename... Arguments>
HWY_INLINE void for_row_tiles(const MatmulTask& p, const MatmulRange& part, Arguments... arguments) {
  int64_t t = part.t_begin;
  for (; t + kRows <= part.t_end; t += kRows) Tile::template run<kRows, kVectors>(p, t, arguments...);
  if (kRows > 4 && t + 4 <= part.t_end) Tile::template run<4, kVectors>(p, t, arguments...), t += 4;
  if (t + 2 <= part.t_end) Tile::template run<2, kVectors>(p, t, arguments...), t += 2;
  if (t < part.t_end) Tile::template run<1, kVectors>(p, t, arguments...);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_MATMUL_TILE_INL_H_
