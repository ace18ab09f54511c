// Products of quantized weights with many rows of x by matrix tiles: the integer sums of linear/matrix_tiles.h, scaled
// as the vectors' (matmul_blocks-inl.h, matmul_super_blocks-inl.h), to the same bits.

#if defined(T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_
#undef T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_
#else
#define T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_
#endif

#include <algorithm>
#include <utility>

#include "t6/kernels/linear/matmul_blocks-inl.h"
#include "t6/kernels/linear/matmul_super_blocks-inl.h"
#include "t6/kernels/linear/matrix_tiles.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Columns that are unpacked at a time, a block of a K type. All that a strip needs but x, 30 KiB, stays in a
// first-level cache of 48 while up to kPartRows rows pass by.
constexpr int64_t kStripColumns = kSuperBlock;
constexpr int64_t kStripBlocks = kStripColumns / kWeightBlock;
constexpr int64_t kMostGroups = kStripColumns / 16;  // that share a scale

// A tile's product takes 16 cycles for 16 rows and up to 64 columns, as long as vectors of one block's 32 columns take
// for 4 rows or of a group's 16 for 8. Fewer rows than this are left to vectors.
constexpr int64_t kLeastTileRows = 8;

static_assert(HWY_TARGET != HWY_AVX3_DL || (kGroupVectors == 1 && kTileLanes == kWeightGroup));

// A strip of 16 outputs' weights.
struct Strip {
  int64_t blocks = 0;  // of 32 columns
  const std::byte* weights[kMostGroups];
  Vector scales[kMostGroups], minima[kMostGroups];
  HWY_ALIGN std::byte bytes[kStripColumns * kWeightGroup];
};

// Integer sums of one tile of rows with each group of a strip.
using TileSums = int32_t[kMostGroups][kMostTileRows][kTileLanes];

// How strips of a type are read: kGroup neighbours share a scale; load() fills a strip from column k of a group of
// rows; add() adds block b of the strip to the sums of row r of a tile; multiply() does without tiles.
template <NumberType kType>
struct BlockStrips {
  static constexpr int64_t kGroup = kWeightBlock;

  static void load(const std::byte* group, int64_t k, Strip& strip) {
    for (int64_t b = 0; b < strip.blocks; ++b) {
      const auto* scales = reinterpret_cast<const uint16_t*>(group + scales_offset(kType, k / kWeightBlock + b));
      const std::byte* values = group + values_offset(kType, k / kWeightBlock + b);
      strip.scales[b] = load_halves(scales);
      strip.minima[b] = kType == NumberType::q4_1 ? load_halves(scales + kWeightGroup) : hn::Zero(Floats());
      strip.weights[b] = values;
      if constexpr (kType == NumberType::q4_1)
        strip.weights[b] = split(values, strip.bytes + b * kBlockChunks * kChunk);
    }
  }
  static HWY_INLINE Vector add(const Strip& strip, const TileSums& sums, int64_t b, int64_t r, const ActivationBlock& x,
                               Vector y) {
    IntegerVector total = hn::Load(Integers(), sums[b][r]);
    if constexpr (kType == NumberType::q8_0) total = hn::Add(hn::Set(Integers(), x.offset), total);
    return add_block<kType>(strip.scales[b], strip.minima[b], total, x, y);
  }
  static void multiply(const MatmulTask& p, const MatmulRange& part) { multiply_blocks<kType>(p, part); }

 private:
  static HWY_INLINE const std::byte* split(const std::byte* values, std::byte* to) {
    for (int64_t i = 0; i < kBlockChunks / 2; ++i) {
      Bytes low, high;
      split_nibbles(load_bytes(values + i * kChunk), low, high);
      hn::StoreU(low, Lanes32(), reinterpret_cast<uint32_t*>(to + i * kChunk));
      hn::StoreU(high, Lanes32(), reinterpret_cast<uint32_t*>(to + (kBlockChunks / 2 + i) * kChunk));
    }
    return to;
  }
};

template <typename Type>
struct SuperBlockStrips {
  static constexpr int64_t kGroup = Type::kGroup;

  static void load(const std::byte* group, int64_t k, Strip& strip) {
    constexpr SuperBlockLayout kLayout = super_block_layout(Type::kType);
    const std::byte* block = group + k / kSuperBlock * kLayout.bytes();
    const auto* halves = reinterpret_cast<const uint16_t*>(block);
    const std::byte* words = block + kWordLine;
    const Vector minima = Type::kMinima ? hn::Neg(load_halves(halves + kWeightGroup)) : hn::Zero(Floats());
    Type::scales(words, load_halves(halves), minima, strip.scales, strip.minima);
    for (int64_t part = 0; part < kStripBlocks / Type::kPeriod; ++part) {
      unpack(words, part, strip.bytes, std::make_integer_sequence<int, Type::kPeriod>());
    }
    for (int64_t i = 0; i < kStripColumns / kGroup; ++i) strip.weights[i] = strip.bytes + i * kGroup * kWeightGroup;
  }
  static HWY_INLINE Vector add(const Strip& strip, const TileSums& sums, int64_t b, int64_t r, const ActivationBlock& x,
                               Vector y) {
    constexpr int64_t kGroups = kWeightBlock / kGroup;
    const int64_t i = b * kGroups;
    const auto total = [&](int64_t group) HWY_ATTR { return hn::Load(Integers(), sums[group][r]); };
    Vector product = add_group_sums<Type, 0>(strip.scales[i], strip.minima[i], total(i), x, y);
    if constexpr (kGroups > 1) {
      product = add_group_sums<Type, 1>(strip.scales[i + 1], strip.minima[i + 1], total(i + 1), x, product);
    }
    return hn::MulAdd(hn::Set(Floats(), x.scale), product, y);
  }
  static void multiply(const MatmulTask& p, const MatmulRange& part) { multiply_super_blocks<Type>(p, part); }

 private:
  template <int... kBlocks>
  static HWY_INLINE void unpack(const std::byte* words, int64_t part, std::byte* to,
                                std::integer_sequence<int, kBlocks...> /*blocks*/) {
    for (int64_t i = 0; i < kBlockChunks; ++i) {
      const auto store = [&](int block, Bytes weights) HWY_ATTR {
        std::byte* at = to + ((part * Type::kPeriod + block) * kBlockChunks + i) * kChunk;
        hn::StoreU(weights, Lanes32(), reinterpret_cast<uint32_t*>(at));
      };
      (store(kBlocks, Type::template weights<kBlocks>(words, part, i)), ...);
    }
  }
};

// Adds a strip's products with rows [row, row + count) of a part to y, [rows, 16]. x: the strip's first block of the
// part's first row. The tiles have `tile_rows` rows; where fewer are left, they begin with rows that are done.
template <typename Strips>
void add_strip(const Strip& strip, const ActivationBlock* x, int64_t x_blocks, int64_t row, int64_t count,
               int64_t tile_rows, float* y) {
  constexpr int64_t kGroups = kWeightBlock / Strips::kGroup;
  const Floats d;
  HWY_ALIGN TileSums sums;
  const int64_t first = row + count - tile_rows;
  const int8_t* values[kMostGroups];
  for (int64_t i = 0; i < strip.blocks * kGroups; ++i) {
    values[i] = x[first * x_blocks + i / kGroups].values + i % kGroups * Strips::kGroup;
  }
  multiply_byte_tiles(values, x_blocks * int64_t{sizeof(ActivationBlock)}, strip.weights, strip.blocks * kGroups,
                      &sums[0][0][0]);
  for (int64_t t = row; t < row + count; ++t) {
    Vector total = hn::Load(d, y + t * kWeightGroup);
    for (int64_t b = 0; b < strip.blocks; ++b) {
      total = Strips::add(strip, sums, b, t - first, x[t * x_blocks + b], total);
    }
    hn::Store(total, d, y + t * kWeightGroup);
  }
}

// A part's first `rows` rows, kLeastTileRows at least.
template <typename Strips>
void multiply_tile_rows(const MatmulTask& p, const MatmulRange& part, int64_t rows) {
  const int64_t x_blocks = p.K / kWeightBlock, tile_rows = std::min<int64_t>(kMostTileRows, rows);
  const ActivationBlock* x = p.blocks + part.t_begin * x_blocks;
  HWY_ALIGN float y[kPartRows * kWeightGroup];
  Strip strip;
  const MatrixTiles tiles(tile_rows, Strips::kGroup);
  for (int64_t group = part.group_begin; group < part.group_end; ++group) {
    std::fill_n(y, rows * kWeightGroup, 0.0f);
    for (int64_t k = 0; k < p.K; k += kStripColumns) {
      strip.blocks = std::min(kStripColumns, p.K - k) / kWeightBlock;
      Strips::load(p.w + group * p.group_bytes, k, strip);
      for (int64_t row = 0; row < rows; row += tile_rows) {
        add_strip<Strips>(strip, x + k / kWeightBlock, x_blocks, row, std::min(tile_rows, rows - row), tile_rows, y);
      }
    }
    for (int64_t t = 0; t < rows; ++t) {
      store_outputs(p, part.t_begin + t, group, hn::Load(Floats(), y + t * kWeightGroup), false);
    }
  }
}

template <typename Strips>
void multiply_bytes(const MatmulTask& p, const MatmulRange& part) {
  MatmulRange rest = part;
  if constexpr (HWY_TARGET == HWY_AVX3_DL) {  // what processors with tiles run
    const int64_t rows = part.t_end - part.t_begin, last = rows % kMostTileRows;
    const int64_t tiled = last < kLeastTileRows ? rows - last : rows;
    if (p.matrix_tiles && tiled > 0) {
      multiply_tile_rows<Strips>(p, part, tiled);
      rest.t_begin += tiled;
      if (rest.t_begin == rest.t_end) return;
    }
  }
  Strips::multiply(p, rest);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_MATMUL_MATRIX_TILES_INL_H_
