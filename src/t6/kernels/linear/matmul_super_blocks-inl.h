// Products of weights in GGUF's K types with quantized activations: exact integers within a group of 32 or 16, float32
// across groups.

#if defined(T6_KERNELS_LINEAR_MATMUL_SUPER_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_MATMUL_SUPER_BLOCKS_INL_H_
#undef T6_KERNELS_LINEAR_MATMUL_SUPER_BLOCKS_INL_H_
#else
#define T6_KERNELS_LINEAR_MATMUL_SUPER_BLOCKS_INL_H_
#endif

#include <algorithm>
#include <utility>

#include "hwy/cache_control.h"
#include "t6/kernels/linear/matmul_tile-inl.h"
#include "t6/kernels/linear/super_block_types-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Of all groups of a block of 256: those of 16 numbers are 16.
struct SuperBlockScales {
  Vector scales[16], minima[16];
};

// Columns 4 i of [begin, end) of block kBlock of a part, times rows of x.
template <typename Type, int kBlock, int kRows, int64_t kBegin, int64_t kEnd>
HWY_INLINE void sum_weights(const std::byte* words, int64_t part, const ActivationBlock* const (&x)[kRows],
                            IntegerVector (&totals)[kRows]) {
  hn::Vec<ByteSums> sums[kRows];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) sums[r] = hn::Zero(ByteSums());
  T6_UNROLL
  for (int64_t i = kBegin; i < kEnd; ++i) {
    const Bytes weights = Type::template weights<kBlock>(words, part, i);
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) add_products(sums[r], weights, x[r]->values + 4 * i);
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) totals[r] = lane_sums(sums[r]);
}

// Adds what group kGroup of a block gives to the rows' products.
template <typename Type, int kBlock, int kGroup, int kRows>
HWY_INLINE void add_group(const std::byte* words, int64_t part, const SuperBlockScales& scales,
                          const ActivationBlock* const (&x)[kRows], Vector (&products)[kRows]) {
  constexpr int64_t kWords = Type::kGroup / 4, kBegin = kGroup * kWords, kEnd = kBegin + kWords;
  // As many words as 16-bit sums hold, or all.
  constexpr int64_t kStep = std::min<int64_t>(kWords, kMostWeights / (2 * Type::kLargest));
  constexpr int64_t kGroups = kWeightBlock / Type::kGroup;
  const Floats d;
  IntegerVector totals[kRows];
  sum_weights<Type, kBlock, kRows, kBegin, kBegin + kStep>(words, part, x, totals);
  if constexpr (kStep < kWords) {
    static_assert(2 * kStep >= kWords);
    IntegerVector others[kRows];
    sum_weights<Type, kBlock, kRows, kBegin + kStep, kEnd>(words, part, x, others);
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) totals[r] = hn::Add(totals[r], others[r]);
  }
  const int64_t index = (part * Type::kPeriod + kBlock) * kGroups + kGroup;
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const Vector sum = hn::Set(d, Type::kGroup == kWeightBlock ? x[r]->sum : x[r]->half_sums[kGroup]);
    Vector total = hn::ConvertTo(d, totals[r]);
    if constexpr (Type::kZero != 0) total = hn::NegMulAdd(hn::Set(d, Type::kZero), sum, total);
    products[r] =
        kGroup == 0 ? hn::Mul(scales.scales[index], total) : hn::MulAdd(scales.scales[index], total, products[r]);
    if constexpr (Type::kMinima) products[r] = hn::MulAdd(scales.minima[index], sum, products[r]);
  }
}

// Adds a block of 32 columns to the rows of y, and goes to the next block of x.
template <typename Type, int kBlock, int kRows>
HWY_INLINE void add_block(const std::byte* words, int64_t part, const SuperBlockScales& scales,
                          const ActivationBlock* (&x)[kRows], Vector (&y)[kRows]) {
  Vector products[kRows];
  add_group<Type, kBlock, 0, kRows>(words, part, scales, x, products);
  if constexpr (Type::kGroup < kWeightBlock) add_group<Type, kBlock, 1, kRows>(words, part, scales, x, products);
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    y[r] = hn::MulAdd(hn::Set(Floats(), x[r]->scale), products[r], y[r]);
    ++x[r];
  }
}

template <typename Type, int kRows, int... kBlocks>
HWY_INLINE void add_part(const std::byte* words, int64_t part, const SuperBlockScales& scales,
                         const ActivationBlock* (&x)[kRows], Vector (&y)[kRows],
                         std::integer_sequence<int, kBlocks...> /*blocks*/) {
  (add_block<Type, kBlocks, kRows>(words, part, scales, x, y), ...);
}

// Bytes of weights that are fetched ahead where a few rows of x leave memory the limit: a processor by itself looks
// ahead over some hundred instructions, which here are not as many bytes.
constexpr int64_t kAhead = 8 << 10;

// Rows t.. of one vector of outputs, all of K.
template <typename Type, int kRows>
HWY_INLINE void super_block_tile(const MatmulTask& p, int64_t t, int64_t vector) {
  constexpr SuperBlockLayout kLayout = super_block_layout(Type::kType);
  constexpr int64_t kParts = kSuperBlock / kWeightBlock / Type::kPeriod, kPartBytes = kLayout.bytes() / kParts;
  const int64_t lane = lane_of(vector);
  const ActivationBlock* x[kRows];
  Vector y[kRows];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    x[r] = p.blocks + (t + r) * (p.K / kWeightBlock);
    y[r] = hn::Zero(Floats());
  }
  const std::byte* block = group_of(p, vector);
  SuperBlockScales scales;
  for (int64_t k = 0; k < p.K; k += kSuperBlock, block += kLayout.bytes()) {
    const auto* halves = reinterpret_cast<const uint16_t*>(block) + lane;
    const std::byte* words = block + kWordLine + lane * 4;
    const Vector minima = Type::kMinima ? hn::Neg(load_halves(halves + kWeightGroup)) : hn::Zero(Floats());
    Type::scales(words, load_halves(halves), minima, scales.scales, scales.minima);
    for (int64_t part = 0; part < kParts; ++part) {
      if constexpr (kRows <= 2) {
        for (int64_t i = part * kPartBytes; i < (part + 1) * kPartBytes; i += kWordLine) {
          hwy::Prefetch(block + kAhead + i);
        }
      }
      add_part<Type, kRows>(words, part, scales, x, y, std::make_integer_sequence<int, Type::kPeriod>());
    }
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) store_outputs(p, t + r, vector, y[r], false);
}

template <typename Type>
struct SuperBlockTile {
  template <int kRows, int kVectors>
  static HWY_INLINE void run(const MatmulTask& p, int64_t t, int64_t vector) {
    static_assert(kVectors == 1);
    super_block_tile<Type, kRows>(p, t, vector);
  }
};

template <typename Type>
void multiply_super_blocks(const MatmulTask& p, const MatmulRange& part) {
  for (int64_t vector = part.group_begin * kGroupVectors; vector < part.group_end * kGroupVectors; ++vector) {
    for_row_tiles<SuperBlockTile<Type>, 1>(p, part, vector);
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_MATMUL_SUPER_BLOCKS_INL_H_
