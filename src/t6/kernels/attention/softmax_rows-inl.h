// The online softmax over blocks of keys: rows are pairs of head and query, the block's keys are the lanes.

#if defined(T6_KERNELS_ATTENTION_SOFTMAX_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_SOFTMAX_ROWS_INL_H_
#undef T6_KERNELS_ATTENTION_SOFTMAX_ROWS_INL_H_
#else
#define T6_KERNELS_ATTENTION_SOFTMAX_ROWS_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "t6/kernels/attention.h"
#include "t6/kernels/attention/buffers.h"
#include "t6/kernels/attention/stored_values-inl.h"
#include "t6/kernels/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Keys of a block, or of several, that a query sees: those below `sinks`, and [begin, end).
struct KeyRange {
  int64_t sinks = 0, begin = 0, end = 0;
  bool empty(int64_t keys = kPageTokens) const {
    return sinks <= 0 && std::max<int64_t>(begin, 0) >= std::min(end, keys);
  }
  bool whole(int64_t keys = kPageTokens) const { return (begin <= 0 || sinks >= begin) && end >= keys; }
};

// What query t of a tile sees, counted from key `first` on.
inline KeyRange seen_keys(const Attention& x, int64_t t, int64_t first) {
  const int64_t position = x.start + t;
  return {x.window > 0 ? x.sinks - first : 0, x.window > 0 ? position + 1 - x.window - first : 0, position + 1 - first};
}

inline void mask_row(float* row, const KeyRange& seen, int64_t keys = kPageTokens) {
  std::fill(row + std::clamp<int64_t>(seen.end, 0, keys), row + keys, kNever);
  const int64_t begin = std::min(seen.begin, std::max<int64_t>(seen.end, 0));
  for (int64_t k = std::max<int64_t>(seen.sinks, 0); k < std::min(begin, keys); ++k) row[k] = kNever;
}

inline void scale_numbers(float* numbers, int64_t count, float factor) {
  const Floats d;
  const Vector by = hn::Set(d, factor);
  for (int64_t i = 0; i < count; i += kLanes) {
    hn::Store(hn::Mul(hn::Load(d, numbers + i), by), d, numbers + i);
  }
}

// Where a row's weights go: times each rank's head factors, or as they are.
struct SpreadWeights {
  const StoredValues* a = nullptr;     // [ranks], 64 numbers each; null: plain weights
  const StoredValues* next = nullptr;  // what they will be for the next block, to be fetched early; each may be null
  int64_t ranks = 1;
  float* out = nullptr;     // [64] of rank 0
  int64_t rank_stride = 0;  // to the next rank's
};

constexpr int kRowVectors = kPageTokens / kLanes;

HWY_INLINE void store_weights(const Vector (&weights)[kRowVectors], float* out) {
  T6_UNROLL
  for (int v = 0; v < kRowVectors; ++v) hn::Store(weights[v], Floats(), out + v * kLanes);
}

// How far logits may rise above the maximum that weights are relative to before everything is brought to a new one:
// e^8 a weight is far from overflow, and so nearly every block but a row's first goes without.
constexpr float kSlack = 8;

// Logits of a block, [64], become weights relative to the maximum so far (within kSlack); what was summed before,
// output included, is brought to the new maximum. A row none of whose keys is seen yet gets weights 0.
HWY_INLINE void online_softmax_update(float* row, const KeyRange& seen, const SpreadWeights& spread, float& maximum,
                                      float* lane_sums, float* output, int64_t output_stride) {
  const Floats d;
  constexpr int kVectors = kRowVectors;
  if (!seen.whole()) mask_row(row, seen);
  Vector logits[kVectors];
  T6_UNROLL
  for (int v = 0; v < kVectors; ++v) logits[v] = hn::Load(d, row + v * kLanes);
  Vector largest = logits[0];
  T6_UNROLL
  for (int v = 1; v < kVectors; ++v) largest = hn::Max(largest, logits[v]);
  const float now = hn::GetLane(hn::MaxOfLanes(d, largest));
  if (now > maximum + kSlack) {
    if (maximum != kNever) {
      const float factor = std::exp(maximum - now);
      scale_numbers(lane_sums, kLanes, factor);
      scale_numbers(output, output_stride, factor);
    }
    maximum = now;
  }
  const Vector shift = hn::Set(d, maximum == kNever ? 0 : maximum);
  Vector sum = hn::Load(d, lane_sums);
  T6_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    logits[v] = exp_below_88(d, hn::Sub(logits[v], shift));
    sum = hn::Add(sum, logits[v]);
  }
  hn::Store(sum, d, lane_sums);
  float* out = spread.out;
  if (!spread.a) return store_weights(logits, out);
  for (int64_t s = 0; s < spread.ranks; ++s, out += spread.rank_stride) {
    const StoredValues& a = spread.a[s];
    with_cache_type(a.type, [&](auto type) HWY_ATTR {
      if (spread.next[s]) fetch(spread.next[s].at, stored_bytes(type(), kPageTokens));
      Vector weights[kVectors];
      T6_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        weights[v] = hn::Mul(logits[v], load_stored<type()>(a.at, v * kLanes));
        if (a.scales) weights[v] = hn::Mul(weights[v], hn::LoadU(d, a.scales + v * kLanes));
      }
      store_weights(weights, out);
    });
  }
}

// One more part of the keys is added to what a column summed so far.
inline void merge_column(const SoftmaxState& from, const SoftmaxState& into, int64_t column, int64_t stride) {
  const Floats d;
  float &before = into.maximum[column], now = std::max(before, from.maximum[column]);
  if (from.sum[column] == 0) return;
  const float keep = std::exp(before - now), add = std::exp(from.maximum[column] - now);
  before = now;
  into.sum[column] = into.sum[column] * keep + from.sum[column] * add;
  const Vector old_factor = hn::Set(d, keep), new_factor = hn::Set(d, add);
  const float* source = from.output + column * stride;
  float* target = into.output + column * stride;
  for (int64_t i = 0; i < stride; i += kLanes) {
    const Vector kept = hn::Mul(hn::LoadU(d, target + i), old_factor);
    hn::StoreU(hn::MulAdd(hn::LoadU(d, source + i), new_factor, kept), d, target + i);
  }
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_SOFTMAX_ROWS_INL_H_
