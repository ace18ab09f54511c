// Weights of a group of 16 outputs as bfloat16 tiles.

#if defined(T6_KERNELS_LINEAR_WEIGHT_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_WEIGHT_TILES_INL_H_
#undef T6_KERNELS_LINEAR_WEIGHT_TILES_INL_H_
#else
#define T6_KERNELS_LINEAR_WEIGHT_TILES_INL_H_
#endif

#include <bit>

#include "t6/kernels/linear/matmul_task.h"
#include "t6/kernels/linear/matrix_tiles.h"
#include "t6/kernels/linear/strips-inl.h"
#include "t6/kernels/linear/super_block_types-inl.h"
#include "t6/kernels/linear/tiled_part-inl.h"
#include "t6/kernels/simd/bfloats-inl.h"

#if HWY_TARGET == HWY_AVX3_DL  // what processors with tiles run

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

static_assert(kTiledDepth % kStripColumns == 0 && kTiledSlice == kStripColumns && kWeightGroup == kTileLanes);
// Bytes of 32 numbers of a group's 16 outputs, a tile, whose rows are pairs of neighbours along K.
constexpr int64_t kTileBytes = kMatrixTileDepth * kWeightGroup * 2;
constexpr int64_t kTileRowBytes = kWeightGroup * 2 * 2;

// What makes numbers of a group's weights, with the outputs as in a tile's row: the first eight, each twice, and the
// last eight. An integer q of kBits bits is read as the top of a fraction, the float 1 + q / 2^kBits, so the scale is
// 2^kBits times what it was, and zero lies that much lower.
template <int kBits>
class PairScales {
 public:
  HWY_INLINE PairScales(Vector scale, Vector zero) {
    alignas(64) static constexpr int32_t kTwice[2][16] = {{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7},
                                                          {8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15}};
    const Vector steps = hn::Mul(scale, hn::Set(Floats(), float{1 << kBits})), one = hn::Sub(zero, steps);
    for (int half = 0; half < 2; ++half) {
      twice_[half] = _mm512_load_si512(kTwice[half]);
      scales_[half] = Vector{_mm512_permutexvar_ps(twice_[half], steps.raw)};
      zeros_[half] = Vector{_mm512_permutexvar_ps(twice_[half], one.raw)};
    }
  }
  // Four columns, whose weights lie in the bytes of the outputs' lanes, kShift bits up: two rows of pairs.
  template <int kShift>
  HWY_INLINE void write(__m512i weights, std::byte* to) const {
    const __m512i first = _mm512_permutexvar_epi32(twice_[0], weights);
    const __m512i last = _mm512_permutexvar_epi32(twice_[1], weights);
    for (int row = 0; row < 2; ++row, to += kTileRowBytes) {
      const __m512i turn = row == 0 ? turns<kShift>() : turns<kShift + 16>();
      store_bfloats(numbers(first, turn, 0), numbers(last, turn, 1), reinterpret_cast<uint16_t*>(to));
    }
  }

 private:
  static constexpr int kFraction = 23;  // bits of a float's
  // How far to the left the bits of a first number go, kShift bits up in its lane, and those of a second, 8 bits more.
  template <int kShift>
  static HWY_INLINE __m512i turns() {
    constexpr int64_t kFirst = (kFraction - kBits - kShift) & 31, kSecond = (kFraction - kBits - kShift - 8) & 31;
    return _mm512_set1_epi64(kSecond << 32 | kFirst);
  }
  HWY_INLINE Vector numbers(__m512i weights, __m512i turn, int half) const {
    const __m512i mask = _mm512_set1_epi32(((1 << kBits) - 1) << (kFraction - kBits)),
                  one = _mm512_set1_epi32(0x3f800000);
    constexpr int kMaskedOr = 0xEA;  // a & b | c
    const __m512i bits = _mm512_ternarylogic_epi32(_mm512_rolv_epi32(weights, turn), mask, one, kMaskedOr);
    return hn::MulAdd(Vector{_mm512_castsi512_ps(bits)}, scales_[half], zeros_[half]);
  }

  __m512i twice_[2];
  Vector scales_[2], zeros_[2];
};

// Columns [k, k + depth) of a group, at most kStripColumns, as bfloat16 tiles, [depth / 32, 16, 16, 2].
template <typename Strips>
void write_strip_tiles(const std::byte* group, int64_t k, int64_t depth, std::byte* to) {
  constexpr int64_t kLines = kWeightBlock / Strips::kGroups / 4;  // of four columns that share a scale
  Strip strip;
  strip.blocks = depth / kWeightBlock;
  Strips::load(group, k, strip);
  for (int64_t i = 0; i < strip.blocks * Strips::kGroups; ++i) {
    const Vector scale = strip.scales[0].scales[i];
    const Vector zero = Strips::kMinima ? strip.scales[0].minima[i]
                                        : hn::Mul(scale, hn::Set(Floats(), static_cast<float>(-Strips::kZero)));
    const PairScales<std::bit_width(unsigned{Strips::kLargest})> scales(scale, zero);
    for (int64_t line = 0; line < kLines; ++line, to += 2 * kTileRowBytes) {
      scales.template write<0>(_mm512_loadu_si512(strip.weights[i] + line * kChunk), to);
    }
  }
}

// The same of types in blocks of 32, which need no strip.
template <NumberType kType>
void write_block_tiles(const std::byte* group, int64_t k, int64_t depth, std::byte* to) {
  using Strips = BlockStrips<kType>;
  constexpr bool kNibbles = !Strips::kBytes;
  constexpr int kLines = kNibbles ? 4 : 8;  // of bytes, four columns each
  for (int64_t block = k / kWeightBlock; block < (k + depth) / kWeightBlock; ++block, to += kTileBytes) {
    const auto* scale = reinterpret_cast<const uint16_t*>(group + scales_offset(kType, block));
    const std::byte* values = group + values_offset(kType, block);
    const Vector steps = load_halves(scale);
    const Vector zero = Strips::kMinima ? load_halves(scale + kWeightGroup)
                                        : hn::Mul(steps, hn::Set(Floats(), static_cast<float>(-Strips::kZero)));
    const PairScales<kNibbles ? 4 : 8> scales(steps, zero);
    T6_UNROLL
    for (int line = 0; line < kLines; ++line) {
      const __m512i weights = _mm512_loadu_si512(values + line * kChunk);
      scales.template write<0>(weights, to + line * 2 * kTileRowBytes);
      // The second half of the columns lies in the high halves of the bytes.
      if constexpr (kNibbles) scales.template write<4>(weights, to + kTileBytes / 2 + line * 2 * kTileRowBytes);
    }
  }
}

// What makes tiles of a type's weights; null for bfloat16, which are tiles as they are.
using WriteWeightTiles = void (*)(const std::byte* group, int64_t k, int64_t depth, std::byte* to);

inline WriteWeightTiles weight_tiles_writer(NumberType type) {
  switch (type) {
    case NumberType::bf16:
      return nullptr;
    case NumberType::q8_0:
      return write_block_tiles<NumberType::q8_0>;
    case NumberType::q4_1:
      return write_block_tiles<NumberType::q4_1>;
    case NumberType::q2_k:
      return write_strip_tiles<SuperBlockStrips<SuperBlockQ2K>>;
    case NumberType::q3_k:
      return write_strip_tiles<SuperBlockStrips<SuperBlockQ3K>>;
    case NumberType::q4_k:
      return write_strip_tiles<SuperBlockStrips<SuperBlockQ4K>>;
    case NumberType::q5_k:
      return write_strip_tiles<SuperBlockStrips<SuperBlockQ5K>>;
    default:  // Q6_K, the last of kSuperBlockTypes
      return write_strip_tiles<SuperBlockStrips<SuperBlockQ6K>>;
  }
}

// Bytes of a group's tiles of kTiledSlice numbers.
constexpr int64_t kPanelBytes = kTiledSlice / kMatrixTileDepth * kTileBytes;

// Where the tiles of columns [k, k + depth) of a group of the task's weights are: where they are stored, or in `panel`.
inline const std::byte* weight_tiles(const MatmulTask& p, WriteWeightTiles write, int64_t group, int64_t k,
                                     int64_t depth, std::byte* panel) {
  const std::byte* weights = p.w + group * p.group_bytes;
  if (!write) return weights + k / kMatrixTileDepth * kTileBytes;
  write(weights, k, depth, panel);
  return panel;
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // HWY_TARGET == HWY_AVX3_DL

#endif  // T6_KERNELS_LINEAR_WEIGHT_TILES_INL_H_
