// Keys or values of 64 tokens as the attention kernels multiply them, whatever they are stored as.

#if defined(T6_KERNELS_ATTENTION_FACTOR_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_FACTOR_BLOCK_INL_H_
#undef T6_KERNELS_ATTENTION_FACTOR_BLOCK_INL_H_
#else
#define T6_KERNELS_ATTENTION_FACTOR_BLOCK_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "t6/kernels/attention/buffers.h"
#include "t6/kernels/attention/factor_rows.h"
#include "t6/kernels/attention/small_product-inl.h"
#include "t6/kernels/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Vector r of a paged stream, [width, 64] or [64, width].
inline StoredValues stored_values(const PagedStream& stream, const std::byte* page, int64_t r) {
  return {stream.type, page + stream.offset + r * stream.vector_bytes()};
}

// The scales of vector r of a paged stream, [64]; null if its type has none.
inline const float* token_scales(const PagedStream& stream, const std::byte* page, int64_t r, float* scratch) {
  if (!has_scales(stream.type)) return nullptr;
  const StoredValues scales(kCacheScale, page + stream.scale_offset);
  write_floats(scales.from_row(r, kPageTokens), 1, scratch);
  return scratch;
}

// The keys or values of a block of tokens, for the heads of one group at a time. Lanes and rows from the block's count
// on hold anything.
class FactorBlock {
 public:
  // What b(s) gives: keys have their tokens in the lanes, [features, 64]; values are rows, [64, features].
  enum class Side { keys, values };

  // A shift [2, heads] doubles the ranks: the second half is of the tokens before. `floats`: a and b are float32
  // without scales, but for scales that stand for head factors; otherwise they are left as they are stored where
  // products can read them so, which is faster even when they read them several times.
  FactorBlock(Side side, const FactorView& view, const float* shift, int64_t heads, bool floats, BlockBuffers& buffers)
      : side_(side),
        view_(view),
        shift_(shift),
        heads_(heads),
        ranks_(view.has_a() ? view.rank : 1),
        floats_(floats),
        as_rows_(is_in_rows(view, shift)),
        as_stored_(!as_rows_ && is_multiplied_as_stored()),
        scales_as_a_(!as_rows_ && has_scales(view.paged_b.type)),
        buffers_(buffers) {
    buffers_.a.assign(static_cast<size_t>(ranks()), {});
    buffers_.b.assign(static_cast<size_t>(ranks()), {});
  }

  // Tokens [first, first + count) of one block, first a multiple of 64; blocks up to `end` follow.
  void begin(int64_t first, int64_t count, int64_t end) {
    first_ = first;
    count_ = count;
    end_ = end;
    if (!as_rows_) return;
    if (!shift_ && !finished_on_use(view_)) {
      rows_ = view_.b + first * view_.b_stride;
      row_stride_ = view_.b_stride;
      return;
    }
    const int64_t lead = shift_ ? 1 : 0;
    row_stride_ = view_.rank * view_.features;
    float* rows = buffers_.feature_rows.reserve((kPageTokens + 1) * row_stride_);
    write_factor_rows(view_, first - lead, first + count, buffers_.rows, rows);
    rows_ = rows + lead * row_stride_;
  }

  // Makes ready the factors of the group that begins at head `head`.
  void select(int64_t head) {
    head_ = head;
    first_rank_ = view_.has_a() ? 0 : head * view_.rank / heads_;
    for (int64_t s = 0; s < ranks(); ++s) {
      StoredValues& numbers = buffers_.b[static_cast<size_t>(s)];
      if (as_stored_) {
        numbers = stored_values(view_.paged_b, page(), first_rank_ + s);
      } else if (side_ == Side::keys) {
        numbers = columns(s);
      } else {
        numbers = rows(s);
      }
    }
    if (has_a()) load_heads();
  }

  Side side() const { return side_; }
  int64_t ranks() const { return ranks_ * (shift_ ? 2 : 1); }
  bool has_a() const { return shift_ || view_.has_a() || scales_as_a_; }

  StoredValues b(int64_t s) const { return buffers_.b[static_cast<size_t>(s)]; }
  int64_t b_row() const { return as_rows_ ? row_stride_ : view_.paged_b.width; }  // of values
  // Head factors of rank s, [64], of a head counted from the group's first; the next head's are a_row() numbers on.
  StoredValues a(int64_t s, int64_t head) const {
    return buffers_.a[static_cast<size_t>(s)].from_row(head_ + head, a_row());
  }
  int64_t a_row() const { return shift_ || view_.has_a() ? kPageTokens : 0; }

  // The side that a view's feature factors lie in a page for; without pages they are rows.
  static Side stored_side(const FactorView& view, const float* shift) {
    const bool columns = !is_in_rows(view, shift) && !view.paged_b.token_rows;
    return columns ? Side::keys : Side::values;
  }

  // The same of all ranks as floats, [ranks, 64], until the next call; and b(s) where it had to be floats.
  const float* head_rows(int64_t head) const {
    float* rows = buffers_.materialized_heads.reserve(ranks() * kPageTokens);
    for (int64_t s = 0; s < ranks(); ++s) write_floats(a(s, head), 1, rows + s * kPageTokens);
    return rows;
  }
  const float* feature_rows(int64_t s) const { return reinterpret_cast<const float*>(b(s).at); }

  // Asks for one of `parts` parts of what select() of this group reads of the block at token `first` to be fetched into
  // the second-level cache. Inline: GCC 12 leaves a call out that does nothing else.
  HWY_INLINE void fetch_part(int64_t first, int64_t part, int64_t parts) const {
    const std::byte* page = as_rows_ || first >= end_ ? nullptr : view_.pages[first / kPageTokens];
    if (!page) return;  // or the window has left it
    const int64_t bytes = ranks_ * view_.paged_b.vector_bytes();
    const std::byte* from = stored_values(view_.paged_b, page, first_rank_).at;
    for (int64_t i = part * kLineBytes; i < bytes; i += parts * kLineBytes) __builtin_prefetch(from + i, 0, 2);
  }

  // What a product with b(s) is to fetch for the one after the next select(). Nothing where b(s) is float32: the loads
  // that fetch cost its product more than they save.
  NextBytes next_b(int64_t s) const {
    const StoredValues next = as_rows_ || floats_ ? StoredValues() : next_numbers(view_.paged_b, s);
    return {next.at, next ? view_.paged_b.vector_bytes() : 0};
  }
  // Where a(s, head) will be read from after it; null where that is not known.
  StoredValues next_a(int64_t s, int64_t head) const {
    const StoredValues next = a_in_page() && !floats_ ? next_numbers(view_.paged_a, s) : StoredValues();
    return next ? next.from_row(head_ + head, kPageTokens) : next;
  }

 private:
  static bool is_in_rows(const FactorView& view, const float* shift) {
    return !view.pages || view.paged_b.width == 0 || shift || finished_on_use(view);
  }

  bool is_multiplied_as_stored() const {
    const PagedStream& stream = view_.paged_b;
    if (stream.token_rows != (side_ == Side::values)) return false;
    return stream.type == NumberType::f32 || (!floats_ && (!stream.token_rows || view_.features % kLanes == 0));
  }

  const std::byte* page() const { return view_.pages[first_ / kPageTokens]; }
  bool a_in_page() const { return view_.pages && view_.paged_a.width > 0 && !shift_; }

  // Vector s of the next group of ranks: of this page, or of the one after it.
  StoredValues next_numbers(const PagedStream& stream, int64_t s) const {
    const bool here = first_rank_ + ranks_ < stream.vectors;
    const int64_t block = first_ + (here ? 0 : kPageTokens);
    if (block >= end_) return {};
    const std::byte* next = view_.pages[block / kPageTokens];
    if (!next) return {};  // the window has left it
    return stored_values(stream, next, here ? first_rank_ + ranks_ + s : s);
  }

  // Feature factors of rank s as rows; of the second half of the ranks, those of the tokens before.
  const float* rows(int64_t s) const {
    if (!as_rows_) return page_numbers(s);
    return s < ranks_ ? rows_ + (first_rank_ + s) * view_.features
                      : rows_ + (first_rank_ + s - ranks_) * view_.features - row_stride_;
  }

  const float* columns(int64_t s) const {
    if (!as_rows_ && !view_.paged_b.token_rows) return page_numbers(s);
    const int64_t tile = view_.features * kPageTokens;
    float* across = buffers_.columns.reserve(ranks() * tile) + s * tile;
    transpose_rows(rows(s), b_row(), count_, view_.features, across, kPageTokens);
    return across;
  }

  // Numbers of rank s in the page: where they lie when they are float32, else made.
  const float* page_numbers(int64_t s) const {
    const PagedStream& stream = view_.paged_b;
    const StoredValues stored = stored_values(stream, page(), first_rank_ + s);
    if (stream.type == NumberType::f32) return reinterpret_cast<const float*>(stored.at);
    const int64_t tile = stream.width * kPageTokens;
    float* numbers = buffers_.numbers.reserve(ranks() * tile) + s * tile;
    if (stream.token_rows) {
      write_float_rows(stored, stream.width, numbers);
    } else {
      write_floats(stored, stream.width, numbers);
    }
    return numbers;
  }

  void load_heads() {
    if (a_in_page()) {
      find_heads();
    } else if (a_row() > 0) {
      make_heads();
    }
    if (scales_as_a_) scale_by_b();
    if (a_in_page() && floats_) write_heads();
  }

  // Head factors in rows of 64 numbers.
  void make_heads() {
    const int64_t tile = heads_ * kPageTokens;
    float* scratch = buffers_.a_tile.reserve(ranks() * tile);
    const float* rows = view_.a + first_ * view_.a_stride;
    int64_t stride = view_.a_stride;
    if (shift_ && view_.has_a()) {
      stride = view_.rank * heads_;
      float* shifted = buffers_.head_rows.reserve((kPageTokens + 1) * stride);
      write_head_rows(view_, heads_, first_ - 1, first_ + count_, shifted);
      rows = shifted + stride;
    }
    for (int64_t s = 0; s < ranks(); ++s, scratch += tile) {
      buffers_.a[static_cast<size_t>(s)] = scratch;
      if (!view_.has_a()) {
        std::fill_n(scratch, tile, 1.0f);
      } else {
        transpose_rows(s < ranks_ ? rows + s * heads_ : rows + (s - ranks_) * heads_ - stride, stride, count_, heads_,
                       scratch, kPageTokens);
      }
      if (shift_) scale_heads(shift_ + (s < ranks_ ? 0 : heads_), scratch);
    }
  }

  // Head factors where the page has them.
  void find_heads() {
    float* scales = buffers_.a_scales.reserve(ranks() * kPageTokens);
    for (int64_t s = 0; s < ranks(); ++s, scales += kPageTokens) {
      StoredValues& numbers = buffers_.a[static_cast<size_t>(s)];
      numbers = stored_values(view_.paged_a, page(), s);
      numbers.scales = token_scales(view_.paged_a, page(), s, scales);
    }
  }

  // As floats, where the page's are anything else.
  void write_heads() {
    const int64_t tile = heads_ * kPageTokens;
    float* floats = buffers_.a_tile.reserve(ranks() * tile);
    for (int64_t s = 0; s < ranks(); ++s, floats += tile) {
      StoredValues& numbers = buffers_.a[static_cast<size_t>(s)];
      if (numbers.type == NumberType::f32 && !numbers.scales) continue;
      write_floats(numbers, heads_, floats);
      numbers = floats;
    }
  }

  // Makes the scales of b a part of the head factors, or all of them.
  void scale_by_b() {
    float* scales = buffers_.b_scales.reserve(ranks() * kPageTokens);
    for (int64_t s = 0; s < ranks(); ++s, scales += kPageTokens) {
      token_scales(view_.paged_b, page(), first_rank_ + s, scales);
      StoredValues& numbers = buffers_.a[static_cast<size_t>(s)];
      if (a_row() == 0) {
        numbers = StoredValues(scales);
        continue;
      }
      for (int64_t t = 0; numbers.scales && t < kPageTokens; ++t) scales[t] *= numbers.scales[t];
      numbers.scales = scales;
    }
  }

  // Multiplies each head's numbers by its factor.
  void scale_heads(const float* factors, float* numbers) const {
    for (int64_t h = 0; h < heads_; ++h) {
      for (int64_t t = 0; t < kPageTokens; ++t) numbers[h * kPageTokens + t] *= factors[h];
    }
  }

  const Side side_;
  const FactorView& view_;
  const float* shift_;
  const int64_t heads_, ranks_;
  const bool floats_, as_rows_, as_stored_;
  const bool scales_as_a_;  // the scales of b in a page are head factors, or a part of them
  BlockBuffers& buffers_;
  int64_t first_ = 0, count_ = 0, end_ = 0, head_ = 0, first_rank_ = 0;
  const float* rows_ = nullptr;  // of the block's first token, where factors are rows
  int64_t row_stride_ = 0;
};

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_FACTOR_BLOCK_INL_H_
