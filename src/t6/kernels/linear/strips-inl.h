// Strips: 256 columns of 16 rows of a quantized matrix, a byte a weight, put together once for many rows of x. What
// multiplies them, vectors (matmul_strips-inl.h) or matrix tiles (matmul_matrix_tiles-inl.h), sums and scales in one
// order, which is that of the products without strips, too: all give a row the same bits.

#if defined(T6_KERNELS_LINEAR_STRIPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_STRIPS_INL_H_
#undef T6_KERNELS_LINEAR_STRIPS_INL_H_
#else
#define T6_KERNELS_LINEAR_STRIPS_INL_H_
#endif

#include <algorithm>
#include <utility>

#include "t6/kernels/linear/matmul_blocks-inl.h"
#include "t6/kernels/linear/matmul_super_blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Columns of a strip, a block of a K type.
constexpr int64_t kStripColumns = kSuperBlock;
constexpr int64_t kStripBlocks = kStripColumns / kWeightBlock;
constexpr int64_t kMostGroups = kStripColumns / 16;  // that share a scale

struct Strip {
  int64_t blocks = 0;                     // of 32 columns
  const std::byte* weights[kMostGroups];  // [columns / 4, 16, 4]
  LaneScales scales[kGroupVectors];
  // 8-bit weights may be two numbers each, the halves.
  HWY_ALIGN std::byte bytes[kStripColumns * kWeightGroup * 2];
};

HWY_INLINE void store_bytes(Bytes bytes, std::byte* to) {
  hn::StoreU(bytes, Lanes32(), reinterpret_cast<uint32_t*>(to));
}

// Rows of x from which on vectors take strips: of K types, and of others.
constexpr int64_t kFewRows = 8, kManyRows = 64;
constexpr int64_t kNoRows = kPartRows + 1;  // never

// How strips of a type are read. A block has kGroups scales; kLargest is the largest weight, kZero what stands for
// zero, kMinima whether there are minima that are added. load() fills a strip from column k of a group of rows.
// product() is what a block gives a row before x's scale: what the groups before group kIndex of it gave, with that
// group's integer sums added. multiply() does without strips, for fewer than kLeastRows.
template <NumberType kType>
struct BlockStrips {
  static constexpr int64_t kGroups = 1;
  static constexpr int64_t kLeastRows = kGroupVectors > 1 ? kManyRows : kNoRows;
  static constexpr bool kBytes = kType == NumberType::q8_0;
  // Whether the low and the high half of each byte are weights of their own, one line of them after the other.
  static constexpr bool kHalves = kBytes && kLargestWeight < 255;
  static constexpr int kLargest = kBytes && !kHalves ? 255 : 15;
  static constexpr bool kMinima = !kBytes;
  static constexpr int kZero = kBytes ? 128 : 0;

  static void load(const std::byte* group, int64_t k, Strip& strip) {
    const int64_t first = k / kWeightBlock, begin = scales_offset(kType, first);
    fetch_ahead(group + begin, scales_offset(kType, first + strip.blocks) - begin);
    for (int64_t b = 0; b < strip.blocks; ++b) {
      const auto* scales = reinterpret_cast<const uint16_t*>(group + scales_offset(kType, first + b));
      const std::byte* values = group + values_offset(kType, first + b);
      for (int64_t v = 0; v < kGroupVectors; ++v) {
        strip.scales[v].scales[b] = load_halves(scales + v * kLanes);
        strip.scales[v].minima[b] = kBytes ? hn::Zero(Floats()) : load_halves(scales + kWeightGroup + v * kLanes);
      }
      strip.weights[b] = values;
      if constexpr (!kBytes || kHalves) strip.weights[b] = split(values, strip.bytes + b * 2 * kSplitBytes);
    }
  }
  template <int kIndex>
  static HWY_INLINE Vector product(Vector scale, Vector minimum, IntegerVector total, const ActivationBlock& x,
                                   Vector /*before*/) {
    if constexpr (kBytes) total = hn::Add(hn::Set(Integers(), x.offset), total);
    return block_product<kType>(scale, minimum, total, x);
  }
  static void multiply(const MatmulTask& p, const MatmulRange& part) { multiply_blocks<kType>(p, part); }

 private:
  static constexpr int64_t kSplitBytes = group_block_bytes(kType);

  static HWY_INLINE const std::byte* split(const std::byte* values, std::byte* to) {
    for (int64_t i = 0; i < kSplitBytes; i += kLanes * 4) {
      Bytes low, high;
      split_nibbles(load_bytes(values + i), low, high);
      store_bytes(low, to + i);
      store_bytes(high, to + kSplitBytes + i);
    }
    return to;
  }
};

template <typename Type>
struct SuperBlockStrips {
  static constexpr int64_t kGroups = kWeightBlock / Type::kGroup;
  static constexpr int64_t kLeastRows = kAlwaysFromBits<Type> ? kNoRows : kFewRows;
  static constexpr bool kHalves = false;
  static constexpr int kLargest = Type::kLargest, kZero = Type::kZero;
  static constexpr bool kMinima = Type::kMinima;

  static void load(const std::byte* group, int64_t k, Strip& strip) {
    constexpr SuperBlockLayout kLayout = super_block_layout(Type::kType);
    const std::byte* block = group + k / kSuperBlock * kLayout.bytes();
    fetch_ahead(block, kLayout.bytes());
    for (int64_t v = 0; v < kGroupVectors; ++v) {
      read_scales<Type>(block, v * kLanes, strip.scales[v]);
      for (int64_t part = 0; part < kStripBlocks / Type::kPeriod; ++part) {
        unpack(block + kWordLine + v * kLanes * 4, part, strip.bytes + v * kLanes * 4,
               std::make_integer_sequence<int, Type::kPeriod>());
      }
    }
    constexpr int64_t kGroupBytes = Type::kGroup * kWeightGroup;
    for (int64_t i = 0; i < kStripBlocks * kGroups; ++i) strip.weights[i] = strip.bytes + i * kGroupBytes;
  }
  template <int kIndex>
  static HWY_INLINE Vector product(Vector scale, Vector minimum, IntegerVector total, const ActivationBlock& x,
                                   Vector before) {
    return add_group_sums<Type, kIndex>(scale, minimum, total, x, before);
  }
  static void multiply(const MatmulTask& p, const MatmulRange& part) { multiply_super_blocks<Type>(p, part); }

 private:
  template <int... kBlocks>
  static HWY_INLINE void unpack(const std::byte* words, int64_t part, std::byte* to,
                                std::integer_sequence<int, kBlocks...> /*blocks*/) {
    for (int64_t i = 0; i < kBlockChunks; ++i) {
      (store_bytes(Type::template weights<kBlocks>(words, part, i),
                   to + ((part * Type::kPeriod + kBlocks) * kBlockChunks + i) * kChunk),
       ...);
    }
  }
};

// Strips::product() with the scales of block b.
template <typename Strips, int kIndex>
HWY_INLINE Vector strip_product(const Strip& strip, int64_t vector, int64_t b, IntegerVector total,
                                const ActivationBlock& x, Vector before) {
  const LaneScales& scales = strip.scales[vector];
  const int64_t i = b * Strips::kGroups + kIndex;
  return Strips::template product<kIndex>(scales.scales[i], scales.minima[i], total, x, before);
}

// Calls add(strip, first_block, y) for every strip of a part, whose products it adds to the rows' sums y, [rows, 16],
// and writes the sums as outputs.
template <typename Strips, typename Add>
HWY_INLINE void for_strips(const MatmulTask& p, const MatmulRange& part, const Add& add) {
  const int64_t rows = part.t_end - part.t_begin;
  HWY_ALIGN float y[kPartRows * kWeightGroup];
  Strip strip;
  for (int64_t group = part.group_begin; group < part.group_end; ++group) {
    std::fill_n(y, rows * kWeightGroup, 0.0f);
    for (int64_t k = 0; k < p.K; k += kStripColumns) {
      strip.blocks = std::min(kStripColumns, p.K - k) / kWeightBlock;
      Strips::load(p.w + group * p.group_bytes, k, strip);
      add(strip, k / kWeightBlock, y);
    }
    for (int64_t i = 0; i < rows * kGroupVectors; ++i) {
      const int64_t vector = group * kGroupVectors + i % kGroupVectors;
      store_outputs(p, part.t_begin + i / kGroupVectors, vector, hn::Load(Floats(), y + i * kLanes), false);
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_STRIPS_INL_H_
