// Products with weights that are floats: float32, bfloat16, float16.

#if defined(T6_KERNELS_LINEAR_MATMUL_FLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_MATMUL_FLOATS_INL_H_
#undef T6_KERNELS_LINEAR_MATMUL_FLOATS_INL_H_
#else
#define T6_KERNELS_LINEAR_MATMUL_FLOATS_INL_H_
#endif

#include "t6/kernels/linear/matmul_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Columns that one pass sums in registers: two groups of this length, float32, leave room in a second-level cache.
constexpr int64_t kPassColumns = 512;

// Weights of columns k and, of bfloat16, k + 1 for the lanes' outputs; `from` is where k's begin.
template <NumberType kType>
HWY_INLINE void load_weights(const std::byte* from, Vector& first, Vector& second) {
  const Floats d;
  if constexpr (kType == NumberType::bf16) {
    const hn::RebindToUnsigned<Floats> bits;
    const auto pair = hn::LoadU(bits, reinterpret_cast<const uint32_t*>(from));
    first = hn::BitCast(d, hn::ShiftLeft<16>(pair));
    second = hn::BitCast(d, hn::And(pair, hn::Set(bits, 0xFFFF0000u)));
  } else if constexpr (kType == NumberType::f16) {
    first = load_halves(reinterpret_cast<const uint16_t*>(from));
  } else {
    first = hn::LoadU(d, reinterpret_cast<const float*>(from));
  }
}

// Rows t.., kVectors vectors of outputs, columns [k, k + depth).
template <NumberType kType, int kRows, int kVectors>
HWY_INLINE void float_tile(const MatmulTask& p, int64_t t, int64_t vector, int64_t k, int64_t depth, bool first_tile) {
  constexpr int kStep = kType == NumberType::bf16 ? 2 : 1;  // columns in a lane
  constexpr int64_t kLaneBytes = kType == NumberType::f16 ? 2 : 4;
  // With fewer rows there is little between two reads, and the processor looks far enough ahead.
  constexpr bool kFetches = kRows >= (kType == NumberType::f32 ? 8 : 2);
  const Floats d;
  Vector sums[kRows][kVectors];
  const float* x[kRows];
  const std::byte* w[kVectors];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    x[r] = p.x + (t + r) * p.x_stride + k;
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  T6_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    w[v] = group_of(p, vector + v) + k / kStep * kWeightGroup * kLaneBytes + lane_of(vector + v) * kLaneBytes;
  }
  Vector first[kVectors], second[kVectors];
  const auto add = [&](const Vector(&weights)[kVectors], int64_t i) HWY_ATTR {
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vector factor = hn::Set(d, x[r][i]);
      T6_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(factor, weights[v], sums[r][v]);
    }
  };
  int64_t i = 0;
  for (; i + kStep <= depth; i += kStep) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      if (kFetches && first_tile) hwy::Prefetch(w[v] + kAhead);
      load_weights<kType>(w[v], first[v], second[v]);
      w[v] += kWeightGroup * kLaneBytes;
    }
    add(first, i);
    if constexpr (kStep == 2) add(second, i + 1);
  }
  if (i < depth) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) load_weights<kType>(w[v], first[v], second[v]);
    add(first, i);
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) store_outputs(p, t + r, vector + v, sums[r][v], k > 0);
  }
}

template <NumberType kType>
struct FloatTile {
  template <int kRows, int kVectors>
  static HWY_INLINE void run(const MatmulTask& p, int64_t t, int64_t vector, int64_t k, int64_t depth,
                             int64_t first_row) {
    float_tile<kType, kRows, kVectors>(p, t, vector, k, depth, t == first_row);
  }
};

// Two vectors a tile: with eight rows (four of the 16 registers before AVX-512) enough independent sums to hide the
// latency of a multiply-add, each broadcast of x used twice.
template <NumberType kType>
void multiply_floats(const MatmulTask& p, const MatmulRange& part) {
  const int64_t end = part.group_end * kGroupVectors;
  for (int64_t vector = part.group_begin * kGroupVectors; vector < end; vector += 2) {
    for (int64_t k = 0; k < std::max<int64_t>(p.K, 1); k += kPassColumns) {
      const int64_t depth = std::min(kPassColumns, p.K - k);
      if (vector + 2 <= end) {
        for_row_tiles<FloatTile<kType>, 2>(p, part, vector, k, depth, part.t_begin);
      } else {
        for_row_tiles<FloatTile<kType>, 1>(p, part, vector, k, depth, part.t_begin);
      }
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_MATMUL_FLOATS_INL_H_
