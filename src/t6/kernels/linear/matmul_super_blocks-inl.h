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

#include "t6/kernels/linear/matmul_tile-inl.h"
#include "t6/kernels/linear/super_block_types-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Of all groups of a block of 256: those of 16 numbers are 16.
struct LaneScales {
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

// What the first `kGroup` groups of a block gave a row, with the next group's integer sums added.
template <typename Type, int kGroup>
HWY_INLINE Vector add_group_sums(Vector scale, Vector minimum, IntegerVector integers, const ActivationBlock& x,
                                 Vector product) {
  const Floats d;
  const Vector sum = hn::Set(d, Type::kGroup == kWeightBlock ? x.sum : x.half_sums[kGroup]);
  Vector total = hn::ConvertTo(d, integers);
  if constexpr (Type::kZero != 0) total = hn::NegMulAdd(hn::Set(d, Type::kZero), sum, total);
  product = kGroup == 0 ? hn::Mul(scale, total) : hn::MulAdd(scale, total, product);
  if constexpr (Type::kMinima) product = hn::MulAdd(minimum, sum, product);
  return product;
}

// Adds what group kGroup of a block gives to the rows' products.
template <typename Type, int kBlock, int kGroup, int kRows>
HWY_INLINE void add_group(const std::byte* words, int64_t part, const LaneScales& scales,
                          const ActivationBlock* const (&x)[kRows], Vector (&products)[kRows]) {
  constexpr int64_t kWords = Type::kGroup / 4, kBegin = kGroup * kWords, kEnd = kBegin + kWords;
  // As many words as 16-bit sums hold, or all.
  constexpr int64_t kStep = std::min<int64_t>(kWords, kMostWeights / (2 * Type::kLargest));
  constexpr int64_t kGroups = kWeightBlock / Type::kGroup;
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
    products[r] =
        add_group_sums<Type, kGroup>(scales.scales[index], scales.minima[index], totals[r], *x[r], products[r]);
  }
}

// Adds a block of 32 columns to the rows of y, and goes to the next block of x.
template <typename Type, int kBlock, int kRows>
HWY_INLINE void add_block(const std::byte* words, int64_t part, const LaneScales& scales,
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
HWY_INLINE void add_part(const std::byte* words, int64_t part, const LaneScales& scales,
                         const ActivationBlock* (&x)[kRows], Vector (&y)[kRows],
                         std::integer_sequence<int, kBlocks...> /*blocks*/) {
  (add_block<Type, kBlocks, kRows>(words, part, scales, x, y), ...);
}

// Scales of the lanes' groups in one block of 256.
template <typename Type>
HWY_INLINE void read_scales(const std::byte* block, int64_t lane, LaneScales& scales) {
  const auto* halves = reinterpret_cast<const uint16_t*>(block) + lane;
  const Vector minima = Type::kMinima ? hn::Neg(load_halves(halves + kWeightGroup)) : hn::Zero(Floats());
  Type::scales(block + kWordLine + lane * 4, load_halves(halves), minima, scales.scales, scales.minima);
}

// Rows t.. of one vector of outputs, all of K, from the bits as they lie in memory.
template <typename Type>
struct SuperBlockTile {
  template <int kRows, int kVectors>
  static HWY_INLINE void run(const MatmulTask& p, int64_t t, int64_t vector) {
    static_assert(kVectors == 1);
    constexpr int64_t kParts = kSuperBlock / kWeightBlock / Type::kPeriod;
    constexpr int64_t kBytes = super_block_layout(Type::kType).bytes(), kPartBytes = kBytes / kParts;
    const int64_t lane = lane_of(vector);
    const ActivationBlock* x[kRows];
    Vector y[kRows];
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      x[r] = p.blocks + (t + r) * (p.K / kWeightBlock);
      y[r] = hn::Zero(Floats());
    }
    const std::byte* block = group_of(p, vector);
    LaneScales scales;
    for (int64_t k = 0; k < p.K; k += kSuperBlock, block += kBytes) {
      read_scales<Type>(block, lane, scales);
      for (int64_t part = 0; part < kParts; ++part) {
        fetch_ahead(block + part * kPartBytes, kPartBytes);
        add_part<Type, kRows>(block + kWordLine + lane * 4, part, scales, x, y,
                              std::make_integer_sequence<int, Type::kPeriod>());
      }
    }
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) store_outputs(p, t + r, vector, y[r], false);
  }
};

// Whether any number of rows takes weights from the bits: of a type where they are two operations away, by vectors of
// 16 lanes, which read x once for as many outputs as a strip has. Else only fewer rows than strips are for.
template <typename Type>
constexpr bool kAlwaysFromBits = kGroupVectors == 1 && Type::kType == NumberType::q4_k;

template <typename Type>
void multiply_super_blocks(const MatmulTask& p, const MatmulRange& part) {
  for (int64_t vector = part.group_begin * kGroupVectors; vector < part.group_end * kGroupVectors; ++vector) {
    for_row_tiles<SuperBlockTile<Type>, 1, kAlwaysFromBits<Type> ? kVectorTileRows : 4>(p, part, vector);
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_MATMUL_SUPER_BLOCKS_INL_H_
