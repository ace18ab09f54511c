// Rows of one head in training, rounded to bfloat16 in the forms that products take (small_bfloat_product.h).

#if defined(T6_KERNELS_ATTENTION_ROUNDED_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_ROUNDED_ROWS_INL_H_
#undef T6_KERNELS_ATTENTION_ROUNDED_ROWS_INL_H_
#else
#define T6_KERNELS_ATTENTION_ROUNDED_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "t6/core/rounding.h"
#include "t6/kernels/attention/buffers.h"
#include "t6/kernels/attention/head_factors-inl.h"
#include "t6/kernels/attention/small_bfloat_product.h"
#include "t6/kernels/simd/bfloats-inl.h"
#include "t6/kernels/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Some rows in float32, all as wide as `width`, a multiple of kBfloatRows, with zeros behind what they hold and after
// the last one up to a multiple of kBfloatRows.
class RowsToRound {
 public:
  // Of up to `count` rows of up to `width` numbers.
  RowsToRound(AlignedBuffer& rows, AlignedBuffer& rounded, int64_t count, int64_t width)
      : rows_(rows.reserve(count * width)), rounded_(reserve_halves(rounded, count * width)) {}

  float* row(int64_t t, int64_t width) const { return rows_ + t * width; }

  // A head's queries, keys or values of tokens [begin, begin + count) times `scale`.
  void materialize(const HeadFactors& factors, int64_t begin, int64_t count, float scale, int64_t width) const {
    const int64_t stride = round_up(factors.features(), kLanes);
    for (int64_t t = 0; t < count; ++t) {
      HWY_NAMESPACE::materialize(factors, begin + t, begin + t + 1, scale, row(t, width));
      std::fill(row(t, width) + stride, row(t + 1, width), 0.0f);
    }
    finish(count, width);
  }
  // After `count` rows that were written by hand.
  void finish(int64_t count, int64_t width) const {
    std::fill(row(count, width), row(round_up(count, kBfloatRows), width), 0.0f);
  }

  // The first `count` rows, a multiple of kBfloatRows, as they are: [count, width].
  void round(int64_t count, int64_t width, uint16_t* to) const {
    const Floats d;
    for (int64_t i = 0; i < count * width; i += 2 * kLanes) {
      store_bfloats(hn::Load(d, rows_ + i), hn::Load(d, rows_ + i + kLanes), to + i);
    }
  }
  // As pairs of two rows: [count / 2, width].
  void pair(int64_t count, int64_t width, uint32_t* to) const {
    const Floats d;
    for (int64_t t = 0; t < count; t += 2) {
      for (int64_t i = 0; i < width; i += kLanes) {
        store_pairs(hn::Load(d, row(t, width) + i), hn::Load(d, row(t + 1, width) + i), to + t / 2 * width + i);
      }
    }
  }
  // Rows across, as pairs of neighbours in a row: [width / 2, to_row] with a column for each row.
  void turn_pairs(int64_t count, int64_t width, uint32_t* to, int64_t to_row) const {
    round(count, width, rounded_);
    turn_words(rounded_, count, width / 2, to, to_row);
  }
  // Rows across as they are: [width, to_row].
  void turn(int64_t count, int64_t width, uint16_t* to, int64_t to_row) const {
    pair(count, width, reinterpret_cast<uint32_t*>(rounded_));
    turn_words(rounded_, count / 2, width, to, to_row / 2);
  }

 private:
  // Words of 32 bits, [count, width] to [width, to_row].
  static void turn_words(const void* from, int64_t count, int64_t width, void* to, int64_t to_row) {
    transpose_rows(static_cast<const float*>(from), width, count, width, static_cast<float*>(to), to_row);
  }

  float* rows_;
  uint16_t* rounded_;
};

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_ROUNDED_ROWS_INL_H_
