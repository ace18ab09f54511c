// Keys or values of 64 tokens as the attention kernels multiply them, whatever they are kept as.

#if defined(T6_KERNELS_FACTOR_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_FACTOR_BLOCK_INL_H_
#undef T6_KERNELS_FACTOR_BLOCK_INL_H_
#else
#define T6_KERNELS_FACTOR_BLOCK_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/cache_control.h"
#include "t6/kernels/attention_buffers.h"
#include "t6/kernels/factor_rows.h"
#include "t6/kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// A vector of 8-bit numbers, without their scale.
HWY_INLINE Vector load_bytes_as_floats(const int8_t* from) {
  const hn::Rebind<int8_t, Floats> bytes;
  const hn::RebindToSigned<Floats> integers;
  return hn::ConvertTo(Floats(), hn::PromoteTo(integers, hn::LoadU(bytes, from)));
}

// `rows` rows of 64 numbers, read by kLoad, each times that of its column in `scales` [64] (null: 1).
template <auto kLoad, typename Number>
HWY_INLINE void convert_rows(const Number* from, int64_t rows, const float* scales, float* out) {
  const Floats d;
  for (int64_t i = 0; i < rows; ++i, from += kPageTokens, out += kPageTokens) {
    T6_UNROLL
    for (int64_t v = 0; v < kPageTokens; v += kLanes) {
      const Vector numbers = kLoad(from + v);
      hn::StoreU(scales ? hn::Mul(numbers, hn::LoadU(d, scales + v)) : numbers, d, out + v);
    }
  }
}

// Rows of `width` numbers, one for each token, times the token's scale.
inline void scale_rows(const float* scales, int64_t width, float* numbers) {
  const Floats d;
  for (int64_t t = 0; t < kPageTokens; ++t, numbers += width) {
    const Vector scale = hn::Set(d, scales[t]);
    int64_t i = 0;
    for (; i + kLanes <= width; i += kLanes) hn::StoreU(hn::Mul(hn::LoadU(d, numbers + i), scale), d, numbers + i);
    for (; i < width; ++i) numbers[i] *= scales[t];
  }
}

// Vector r of a paged stream, [width, 64] or [64, width]: where it lies when it is float32, else made in `scratch`.
inline const float* paged_numbers(const PagedStream& stream, const std::byte* page, int64_t r, float* scratch) {
  const int64_t rows = stream.width;
  const std::byte* from = page + stream.offset + r * rows * kPageTokens * cache_type_size(stream.type);
  const auto* halves = reinterpret_cast<const uint16_t*>(from);
  switch (stream.type) {
    case CacheType::f32:
      return reinterpret_cast<const float*>(from);
    case CacheType::bf16:
      convert_rows<load_bfloats>(halves, rows, nullptr, scratch);
      break;
    case CacheType::f16:
      convert_rows<load_halves>(halves, rows, nullptr, scratch);
      break;
    case CacheType::i8: {
      float scales[kPageTokens];
      convert_rows<load_bfloats>(reinterpret_cast<const uint16_t*>(page + stream.scale_offset) + r * kPageTokens, 1,
                                 nullptr, scales);
      convert_rows<load_bytes_as_floats>(reinterpret_cast<const int8_t*>(from), rows,
                                         stream.token_rows ? nullptr : scales, scratch);
      if (stream.token_rows) scale_rows(scales, stream.width, scratch);
    }
  }
  return scratch;
}

// The keys or values of a block of tokens, for the heads of one group at a time. Lanes and rows from the block's count
// on hold anything.
class FactorBlock {
 public:
  // What b(s) gives: keys have their tokens in the lanes, [features, 64]; values are rows, [64, features].
  enum class Side { keys, values };

  // A shift [2, heads] doubles the ranks: the second half is of the tokens before.
  FactorBlock(Side side, const FactorView& view, const float* shift, int64_t heads, BlockBuffers& buffers)
      : side_(side),
        view_(view),
        shift_(shift),
        heads_(heads),
        ranks_(view.has_a() ? view.rank : 1),
        in_pages_(view.pages && view.paged_b.width > 0),
        as_rows_(!in_pages_ || shift || finished_on_use(view)),
        buffers_(buffers) {
    buffers_.a_pointers.assign(static_cast<size_t>(ranks()), nullptr);
    buffers_.b_pointers.assign(static_cast<size_t>(ranks()), nullptr);
  }

  // Tokens [first, first + count) of one block, first a multiple of 64. more: another block follows.
  void begin(int64_t first, int64_t count, bool more) {
    first_ = first;
    count_ = count;
    more_ = more;
    if (!as_rows_) return;
    if (!shift_ && !finished_on_use(view_)) {
      rows_ = view_.b + first * view_.b_stride;
      row_stride_ = view_.b_stride;
      return;
    }
    const int64_t lead = shift_ ? 1 : 0;
    row_stride_ = view_.rank * view_.features;
    float* rows = buffers_.feature_rows.reserve((kPageTokens + 1) * row_stride_);
    write_factor_rows(view_, first - lead, first + count, rows);
    rows_ = rows + lead * row_stride_;
  }

  // Makes ready the factors of the group that begins at head `head`.
  void select(int64_t head) {
    head_ = head;
    first_rank_ = view_.has_a() ? 0 : head * view_.rank / heads_;
    const int64_t tile = (as_rows_ ? view_.features : view_.paged_b.width) * kPageTokens;
    float* scratch = buffers_.b.reserve(ranks() * tile);
    for (int64_t s = 0; s < ranks(); ++s) {
      buffers_.b_pointers[static_cast<size_t>(s)] =
          side_ == Side::keys ? columns(s, scratch + s * tile) : rows(s, scratch + s * tile);
    }
    if (has_a()) load_heads();
  }

  int64_t ranks() const { return ranks_ * (shift_ ? 2 : 1); }
  bool has_a() const { return shift_ || view_.has_a(); }

  const float* b(int64_t s) const { return buffers_.b_pointers[static_cast<size_t>(s)]; }
  // Where b(s) and a(s, head) will be read from after the next select(), to be fetched early, and for b how many bytes
  // at each of the steps of its product; null where that is not worth it.
  const std::byte* next_b(int64_t s) const { return as_rows_ ? nullptr : next_numbers(view_.paged_b, s); }
  int64_t next_row() const {
    return (side_ == Side::keys ? kPageTokens : view_.paged_b.width) * cache_type_size(view_.paged_b.type);
  }
  const float* next_a(int64_t s, int64_t head) const {
    const bool in_place = view_.pages && view_.paged_a.width > 0 && view_.paged_a.type == CacheType::f32 && !shift_;
    const std::byte* next = in_place ? next_numbers(view_.paged_a, s) : nullptr;
    return next ? reinterpret_cast<const float*>(next) + (head_ + head) * kPageTokens : nullptr;
  }
  int64_t b_row() const { return as_rows_ ? row_stride_ : view_.paged_b.width; }  // of values

  // Head factors of rank s, [64], of a head counted from the group's first; the next head's are 64 numbers on.
  const float* a(int64_t s, int64_t head) const {
    return buffers_.a_pointers[static_cast<size_t>(s)] + (head_ + head) * kPageTokens;
  }

 private:
  const std::byte* page() const { return view_.pages[first_ / kPageTokens]; }

  // Vector s of the next group of ranks: in this page or, after its last, in the next one.
  const std::byte* next_numbers(const PagedStream& stream, int64_t s) const {
    const bool here = first_rank_ + ranks_ < stream.vectors;
    if (!here && !more_) return nullptr;
    const int64_t r = here ? first_rank_ + ranks_ + s : s;
    return view_.pages[first_ / kPageTokens + (here ? 0 : 1)] + stream.offset +
           r * stream.width * kPageTokens * cache_type_size(stream.type);
  }
  // Numbers of head factors that are to be converted next.
  void fetch(const std::byte* next, int64_t count) const {
    const int64_t bytes = next ? count * cache_type_size(view_.paged_a.type) : 0;
    for (int64_t i = 0; i < bytes; i += kLineBytes) hwy::Prefetch(next + i);
  }

  // Feature factors of rank s as rows; of the second half of the ranks, those of the tokens before.
  const float* rows(int64_t s, float* scratch) const {
    if (!as_rows_) return paged_numbers(view_.paged_b, page(), first_rank_ + s, scratch);
    return s < ranks_ ? rows_ + (first_rank_ + s) * view_.features
                      : rows_ + (first_rank_ + s - ranks_) * view_.features - row_stride_;
  }

  const float* columns(int64_t s, float* scratch) const {
    if (!as_rows_ && !view_.paged_b.token_rows) return rows(s, scratch);
    const float* from = rows(s, as_rows_ ? nullptr : buffers_.page_rows.reserve(view_.paged_b.width * kPageTokens));
    transpose_rows(from, b_row(), count_, view_.features, scratch, kPageTokens);
    return scratch;
  }

  void load_heads() {
    const int64_t tile = heads_ * kPageTokens;
    float* scratch = buffers_.a.reserve(ranks() * tile);
    const bool paged = view_.pages && view_.paged_a.width > 0;
    const float* rows = paged ? nullptr : view_.a + first_ * view_.a_stride;
    int64_t stride = view_.a_stride;
    if (shift_ && view_.has_a()) {
      stride = view_.rank * heads_;
      float* shifted = buffers_.head_rows.reserve((kPageTokens + 1) * stride);
      write_head_rows(view_, heads_, first_ - 1, first_ + count_, shifted);
      rows = shifted + stride;
    }
    for (int64_t s = 0; s < ranks(); ++s, scratch += tile) {
      buffers_.a_pointers[static_cast<size_t>(s)] = scratch;
      if (!view_.has_a()) {
        std::fill_n(scratch, tile, 1.0f);
      } else if (paged && !shift_) {
        buffers_.a_pointers[static_cast<size_t>(s)] = paged_numbers(view_.paged_a, page(), s, scratch);
        if (view_.paged_a.type != CacheType::f32) fetch(next_numbers(view_.paged_a, s), tile);
      } else {
        transpose_rows(s < ranks_ ? rows + s * heads_ : rows + (s - ranks_) * heads_ - stride, stride, count_, heads_,
                       scratch, kPageTokens);
      }
      if (shift_) scale_heads(shift_ + (s < ranks_ ? 0 : heads_), scratch);
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
  const bool in_pages_, as_rows_;
  BlockBuffers& buffers_;
  int64_t first_ = 0, count_ = 0, head_ = 0, first_rank_ = 0;
  bool more_ = false;
  const float* rows_ = nullptr;  // of the block's first token, where factors are rows
  int64_t row_stride_ = 0;
};

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_FACTOR_BLOCK_INL_H_
