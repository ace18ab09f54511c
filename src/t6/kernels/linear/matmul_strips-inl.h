// Products of strips of quantized weights with many rows of x by vectors.

#if defined(T6_KERNELS_LINEAR_MATMUL_STRIPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_MATMUL_STRIPS_INL_H_
#undef T6_KERNELS_LINEAR_MATMUL_STRIPS_INL_H_
#else
#define T6_KERNELS_LINEAR_MATMUL_STRIPS_INL_H_
#endif

#include <algorithm>

#include "t6/kernels/linear/strips-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Exact sums of kCount lines of weights, four columns each, times the columns of rows of x from `column` on. The kParts
// vectors of a line lie `stride` bytes apart.
template <int64_t kCount, int kRows, int kParts>
HWY_INLINE void sum_lines(const std::byte* weights, int64_t stride, const ActivationBlock* const (&x)[kRows],
                          int64_t column, IntegerVector (&totals)[kRows][kParts]) {
  hn::Vec<ByteSums> sums[kRows][kParts];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int j = 0; j < kParts; ++j) sums[r][j] = hn::Zero(ByteSums());
  }
  T6_UNROLL
  for (int64_t i = 0; i < kCount; ++i) {
    Bytes line[kParts];
    T6_UNROLL
    for (int j = 0; j < kParts; ++j) line[j] = load_bytes(weights + i * kChunk + j * stride);
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      T6_UNROLL
      for (int j = 0; j < kParts; ++j) add_products(sums[r][j], line[j], x[r]->values + column + 4 * i);
    }
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int j = 0; j < kParts; ++j) totals[r][j] = lane_sums(sums[r][j]);
  }
}

// The sums of one group of a strip.
template <typename Strips, int kRows, int kVectors>
HWY_INLINE void sum_group(const std::byte* weights, const ActivationBlock* const (&x)[kRows], int64_t column,
                          IntegerVector (&totals)[kRows][kVectors]) {
  // As many lines as 16-bit sums hold, or all.
  constexpr int64_t kLines = kWeightBlock / Strips::kGroups / 4;
  constexpr int64_t kStep = std::min<int64_t>(kLines, kMostWeights / (2 * Strips::kLargest));
  constexpr int64_t kVectorBytes = kLanes * 4;
  if constexpr (Strips::kHalves) {  // the parts are the halves of one vector
    static_assert(kVectors == 1 && kStep == kLines);
    IntegerVector halves[kRows][2];
    sum_lines<kLines>(weights, kLines * kChunk, x, column, halves);
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) totals[r][0] = hn::Add(halves[r][0], hn::ShiftLeft<4>(halves[r][1]));
  } else {
    sum_lines<kStep>(weights, kVectorBytes, x, column, totals);
    if constexpr (kStep < kLines) {
      static_assert(2 * kStep == kLines);
      IntegerVector others[kRows][kVectors];
      sum_lines<kStep>(weights + kStep * kChunk, kVectorBytes, x, column + 4 * kStep, others);
      T6_UNROLL
      for (int r = 0; r < kRows; ++r) {
        T6_UNROLL
        for (int v = 0; v < kVectors; ++v) totals[r][v] = hn::Add(totals[r][v], others[r][v]);
      }
    }
  }
}

// A strip, its first block's number, and the sums [rows, 16] of rows of x from first_row on.
struct StripSums {
  const Strip& strip;
  int64_t first_block;
  float* y;
  int64_t first_row;
};

// What group kIndex of block b gives rows of x, before their scales, added to what the groups before it gave.
template <typename Strips, int kIndex, int kRows, int kVectors>
HWY_INLINE void add_group_products(const Strip& strip, int64_t vector, int64_t b,
                                   const ActivationBlock* const (&x)[kRows], Vector (&products)[kRows][kVectors]) {
  IntegerVector totals[kRows][kVectors];
  const std::byte* weights = strip.weights[b * Strips::kGroups + kIndex] + vector * kLanes * 4;
  sum_group<Strips>(weights, x, kIndex * kWeightBlock / Strips::kGroups, totals);
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    T6_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      products[r][v] = strip_product<Strips, kIndex>(strip, vector + v, b, totals[r][v], *x[r], products[r][v]);
    }
  }
}

// Adds a strip's products to the sums of rows t...
template <typename Strips>
struct StripTile {
  template <int kRows, int kVectors>
  static HWY_INLINE void run(const MatmulTask& p, int64_t t, const StripSums* all, int64_t vector) {
    const Floats d;
    const Strip& strip = all->strip;
    const int64_t row_blocks = p.K / kWeightBlock;
    float* y = all->y + (t - all->first_row) * kWeightGroup + vector * kLanes;
    const ActivationBlock* x[kRows];
    Vector sums[kRows][kVectors];
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      x[r] = p.blocks + (t + r) * row_blocks + all->first_block;
      T6_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Load(d, y + r * kWeightGroup + v * kLanes);
    }
    for (int64_t b = 0; b < strip.blocks; ++b) {
      Vector products[kRows][kVectors];
      add_group_products<Strips, 0>(strip, vector, b, x, products);
      if constexpr (Strips::kGroups > 1) add_group_products<Strips, 1>(strip, vector, b, x, products);
      T6_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const Vector scale = hn::Set(d, x[r]->scale);
        T6_UNROLL
        for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(scale, products[r][v], sums[r][v]);
        hwy::Prefetch(x[r] + kRows * row_blocks);  // the next tile's
        ++x[r];
      }
    }
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      T6_UNROLL
      for (int v = 0; v < kVectors; ++v) hn::Store(sums[r][v], d, y + r * kWeightGroup + v * kLanes);
    }
  }
};

template <typename Strips>
void multiply_by_vectors(const MatmulTask& p, const MatmulRange& part) {
  if (part.t_end - part.t_begin < Strips::kLeastRows) return Strips::multiply(p, part);
  constexpr int kVectors = Strips::kHalves ? 1 : std::min<int>(2, kGroupVectors);
  for_strips<Strips>(p, part, [&](const Strip& strip, int64_t first_block, float* y) HWY_ATTR {
    const StripSums sums = {strip, first_block, y, part.t_begin};
    for (int64_t vector = 0; vector < kGroupVectors; vector += kVectors) {
      for_row_tiles<StripTile<Strips>, kVectors>(p, part, &sums, vector);
    }
  });
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_MATMUL_STRIPS_INL_H_
