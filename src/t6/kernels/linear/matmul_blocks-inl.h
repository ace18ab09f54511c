// Products of quantized weights with quantized activations: exact integers within a block, float32 across blocks.

#if defined(T6_KERNELS_LINEAR_MATMUL_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_MATMUL_BLOCKS_INL_H_
#undef T6_KERNELS_LINEAR_MATMUL_BLOCKS_INL_H_
#else
#define T6_KERNELS_LINEAR_MATMUL_BLOCKS_INL_H_
#endif

#include "t6/kernels/linear/byte_products-inl.h"
#include "t6/kernels/linear/matmul_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

constexpr int64_t kChunk = kWeightGroup * 4;        // bytes of four columns of a group
constexpr int64_t kBlockChunks = kWeightBlock / 4;  // of values of 8 bits

// A block of rows of x times the lanes' weights of 4 bits.
template <int kRows>
HWY_INLINE void sum_q4(const std::byte* values, const ActivationBlock* const (&x)[kRows],
                       IntegerVector (&totals)[kRows]) {
  hn::Vec<ByteSums> sums[kRows];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) sums[r] = hn::Zero(ByteSums());
  T6_UNROLL
  for (int64_t i = 0; i < kBlockChunks / 2; ++i) {
    Bytes low, high;
    split_nibbles(load_bytes(values + i * kChunk), low, high);
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      add_products(sums[r], low, x[r]->values + 4 * i);
      add_products(sums[r], high, x[r]->values + 4 * i + kWeightBlock / 2);
    }
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) totals[r] = lane_sums(sums[r]);
}

// The same for weights of 8 bits, which are stored with 128 added.
template <int kRows>
HWY_INLINE void sum_q8(const std::byte* values, const ActivationBlock* const (&x)[kRows],
                       IntegerVector (&totals)[kRows]) {
  constexpr bool kWhole = kLargestWeight == 255;  // else the halves of a byte are weights of their own
  hn::Vec<ByteSums> sums[kRows], high_sums[kRows];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) sums[r] = high_sums[r] = hn::Zero(ByteSums());
  T6_UNROLL
  for (int64_t i = 0; i < kBlockChunks; ++i) {
    Bytes low = load_bytes(values + i * kChunk), high = low;
    if constexpr (!kWhole) split_nibbles(low, low, high);
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      add_products(sums[r], low, x[r]->values + 4 * i);
      if constexpr (!kWhole) add_products(high_sums[r], high, x[r]->values + 4 * i);
    }
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    totals[r] = hn::Add(hn::Set(Integers(), x[r]->offset), lane_sums(sums[r]));
    if constexpr (!kWhole) totals[r] = hn::Add(totals[r], hn::ShiftLeft<4>(lane_sums(high_sums[r])));
  }
}

// What a block's integer sums give a row before x's scale.
template <NumberType kType>
HWY_INLINE Vector block_product(Vector scale, Vector minimum, IntegerVector total, const ActivationBlock& x) {
  const Floats d;
  const Vector product = hn::Mul(scale, hn::ConvertTo(d, total));
  return kType == NumberType::q4_1 ? hn::MulAdd(minimum, hn::Set(d, x.sum), product) : product;
}

// Rows t.. of one vector of outputs, all of K.
template <NumberType kType, int kRows>
HWY_INLINE void block_tile(const MatmulTask& p, int64_t t, int64_t vector, bool first) {
  constexpr bool kMinima = kType == NumberType::q4_1;
  constexpr int64_t kScaled = blocks_of_scales(kType);
  const Floats d;
  const int64_t blocks = p.K / kWeightBlock, lane = lane_of(vector);
  const std::byte* const group = group_of(p, vector);
  const ActivationBlock* x[kRows];
  Vector y[kRows];
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) {
    x[r] = p.blocks + (t + r) * blocks;
    y[r] = hn::Zero(d);
  }
  for (int64_t b = 0; b < blocks; ++b) {
    const auto* scales = reinterpret_cast<const uint16_t*>(group + scales_offset(kType, b)) + lane;
    const std::byte* values = group + values_offset(kType, b) + lane * 4;
    if (first && b % kScaled == 0) fetch_ahead(group + scales_offset(kType, b), scales_offset(kType, kScaled));
    IntegerVector totals[kRows];
    if constexpr (kMinima) {
      sum_q4(values, x, totals);
    } else {
      sum_q8(values, x, totals);
    }
    const Vector scale = load_halves(scales);
    const Vector minimum = kMinima ? load_halves(scales + kWeightGroup) : hn::Zero(d);
    T6_UNROLL
    for (int r = 0; r < kRows; ++r) {
      y[r] = hn::MulAdd(hn::Set(d, x[r]->scale), block_product<kType>(scale, minimum, totals[r], *x[r]), y[r]);
      ++x[r];
    }
  }
  T6_UNROLL
  for (int r = 0; r < kRows; ++r) store_outputs(p, t + r, vector, y[r], false);
}

template <NumberType kType>
struct BlockTile {
  template <int kRows, int kVectors>
  static HWY_INLINE void run(const MatmulTask& p, int64_t t, int64_t vector, int64_t first_row) {
    static_assert(kVectors == 1);
    block_tile<kType, kRows>(p, t, vector, t == first_row);
  }
};

template <NumberType kType>
void multiply_blocks(const MatmulTask& p, const MatmulRange& part) {
  for (int64_t vector = part.group_begin * kGroupVectors; vector < part.group_end * kGroupVectors; ++vector) {
    for_row_tiles<BlockTile<kType>, 1>(p, part, vector, part.t_begin);
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_MATMUL_BLOCKS_INL_H_
