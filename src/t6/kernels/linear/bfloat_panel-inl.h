// Panels of a bfloat16 product (gemm_tile-inl.h has those of float32), packed from float32 or bfloat16 matrices.

#if defined(T6_KERNELS_LINEAR_BFLOAT_PANEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_LINEAR_BFLOAT_PANEL_INL_H_
#undef T6_KERNELS_LINEAR_BFLOAT_PANEL_INL_H_
#else
#define T6_KERNELS_LINEAR_BFLOAT_PANEL_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "t6/core/rounding.h"
#include "t6/kernels/linear/bfloat_tile.h"
#include "t6/kernels/linear/gemm_tile-inl.h"
#include "t6/kernels/linear/matrix_tiles.h"
#include "t6/kernels/simd/bfloats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Lines of an operand, the rows of A or the columns of B, as they lie in memory. Number k of line i is number
// k * stride + i where they lie side by side, and otherwise i * stride + k.
struct MixedSource {
  const void* data = nullptr;
  bool bfloats = false;  // or float32
  int64_t stride = 0;
  bool side_by_side = false;

  const void* at(int64_t number) const {
    return static_cast<const char*>(data) + number * static_cast<int64_t>(bfloats ? sizeof(uint16_t) : sizeof(float));
  }
};

// What a float of a panel holds: two neighbours along K, for processors that multiply pairs, or one rounded number.
enum class PanelFloat { pair, rounded };

// The first of up to a vector's numbers at `from`, rounded, in the high halves; zeros after `left`.
HWY_INLINE Words load_rounded(const MixedSource& from, const void* at, int64_t left) {
  const Floats d;
  if (!from.bfloats) return rounded_words(load_up_to(d, static_cast<const float*>(at), left));
  return hn::ShiftLeft<16>(load_words_up_to(static_cast<const uint16_t*>(at), left));
}

// Pairs from two float32 rows, of which the second may be absent past an odd end.
template <int kWidth>
void pack_float_rows(const MixedSource& from, int64_t width, int64_t depth, float* panel) {
  static constexpr float kZeros[kWidth] = {};
  const auto* rows = static_cast<const float*>(from.data);
  for (int64_t k = 0; k < depth; k += 2, panel += kWidth) {
    const float* low = rows + k * from.stride;
    round_to_pairs(low, k + 1 < depth ? low + from.stride : kZeros, width, panel);
  }
}

template <PanelFloat kFloat, int kWidth>
void pack_side_by_side(const MixedSource& from, int64_t width, int64_t depth, float* panel) {
  constexpr int64_t kStep = kFloat == PanelFloat::pair ? 2 : 1;
  int64_t k = 0;
  if (kFloat == PanelFloat::pair && kWidth % kLanes == 0 && from.bfloats && width == kWidth) {
    for (; k + 2 <= depth; k += 2, panel += kWidth) {
      const auto *low = static_cast<const uint16_t*>(from.at(k * from.stride)), *high = low + from.stride;
      zip_halves<kWidth>(low, high, reinterpret_cast<uint32_t*>(panel));
    }
  }
  for (; k < depth; k += kStep, panel += kWidth) {
    for (int64_t i = 0; i < kWidth; i += kLanes) {
      const int64_t left = std::max<int64_t>(0, std::min<int64_t>(kLanes, width - i));
      Words word = load_rounded(from, from.at(k * from.stride + i), left);
      if constexpr (kFloat == PanelFloat::pair) {
        word = hn::ShiftRight<16>(word);
        if (k + 1 < depth) word = hn::Or(word, load_rounded(from, from.at((k + 1) * from.stride + i), left));
      }
      hn::StoreU(hn::BitCast(Floats(), word), Floats(), panel + i);
    }
  }
}

// `count` numbers of one line as floats of a panel.
template <PanelFloat kFloat>
void copy_line(const MixedSource& from, const void* at, int64_t count, float* to) {
  if constexpr (kFloat == PanelFloat::rounded) {
    for (int64_t i = 0; i < count; i += kLanes) {
      const MixedSource& f = from;
      const void* here = static_cast<const char*>(at) + i * static_cast<int64_t>(f.bfloats ? 2 : 4);
      store_up_to(hn::BitCast(Floats(), load_rounded(f, here, std::min(kLanes, count - i))), Floats(), to + i,
                  count - i);
    }
  } else {
    auto* pairs = reinterpret_cast<uint16_t*>(to);
    if (from.bfloats) {
      std::memcpy(pairs, at, sizeof(uint16_t) * static_cast<size_t>(count));
    } else {
      round_to_bfloats(static_cast<const float*>(at), count, pairs);
    }
    if (count % 2 != 0) pairs[count] = 0;
  }
}

template <PanelFloat kFloat, int kWidth>
void pack_lines(const MixedSource& from, int64_t width, int64_t depth, float* panel) {
  constexpr int64_t kChunk = 64;  // floats of each line at once: 8 KiB of the widest panel
  constexpr int64_t kNumbers = kFloat == PanelFloat::pair ? 2 : 1;
  HWY_ALIGN float chunk[kWidth * kChunk];
  for (int64_t k = 0; k < depth; k += kChunk * kNumbers) {
    const int64_t count = std::min(kChunk * kNumbers, depth - k);
    for (int64_t i = 0; i < width; ++i)
      copy_line<kFloat>(from, from.at(i * from.stride + k), count, chunk + i * kChunk);
    transpose_rows(chunk, kChunk, width, (count + kNumbers - 1) / kNumbers, panel + k / kNumbers * kWidth, kWidth);
  }
}

// The first `width` lines of `from`, `depth` numbers each, as panel [floats of the depth, kWidth]. Lines past `width`
// are anything: tiles multiply them, and nobody stores the result.
template <PanelFloat kFloat, int kWidth>
void pack_bfloat_panel(const MixedSource& from, int64_t width, int64_t depth, float* panel) {
  if (kFloat == PanelFloat::pair && from.side_by_side && !from.bfloats) {
    return pack_float_rows<kWidth>(from, width, depth, panel);
  }
  if (from.side_by_side) return pack_side_by_side<kFloat, kWidth>(from, width, depth, panel);
  pack_lines<kFloat, kWidth>(from, width, depth, panel);
}

// A step of a line, kMatrixTileDepth numbers.
HWY_INLINE void copy_step(const MixedSource& from, const void* at, float* to) {
  const Floats d;
  if (from.bfloats) {
    const auto* pairs = static_cast<const float*>(at);
    T6_UNROLL
    for (int64_t i = 0; i < kMatrixTileDepth / 2; i += kLanes) hn::StoreU(hn::LoadU(d, pairs + i), d, to + i);
    return;
  }
  const auto* numbers = static_cast<const float*>(at);
  auto* halves = reinterpret_cast<uint16_t*>(to);
  T6_UNROLL
  for (int64_t i = 0; i < kMatrixTileDepth; i += 2 * kLanes) {
    store_bfloats(hn::LoadU(d, numbers + i), hn::LoadU(d, numbers + i + kLanes), halves + i);
  }
}

// The same for rows of matrix tiles: pairs of a line side by side, panel [steps along K, kWidth, pairs of a step],
// zeros after the last number.
template <int kWidth>
void pack_matrix_tile_rows(const MixedSource& from, int64_t width, int64_t depth, float* panel) {
  constexpr int64_t kPairs = kMatrixTileDepth / 2;
  HWY_ALIGN float step[kPairs * kWidth];
  for (int64_t k = 0; k < depth; k += kMatrixTileDepth, panel += kWidth * kPairs) {
    const int64_t count = std::min(kMatrixTileDepth, depth - k), used = divide_up(count, 2);
    if (from.side_by_side) {
      pack_bfloat_panel<PanelFloat::pair, kWidth>({from.at(k * from.stride), from.bfloats, from.stride, true}, width,
                                                  count, step);
      std::fill(step + used * kWidth, step + kPairs * kWidth, 0.0f);
      transpose_rows(step, kWidth, kPairs, width, panel, kPairs);
      continue;
    }
    if (count == kMatrixTileDepth) {
      for (int64_t i = 0; i < width; ++i) copy_step(from, from.at(i * from.stride + k), panel + i * kPairs);
      continue;
    }
    for (int64_t i = 0; i < width; ++i) {
      float* line = panel + i * kPairs;
      copy_line<PanelFloat::pair>(from, from.at(i * from.stride + k), count, line);
      std::fill(line + used, line + kPairs, 0.0f);
    }
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_LINEAR_BFLOAT_PANEL_INL_H_
