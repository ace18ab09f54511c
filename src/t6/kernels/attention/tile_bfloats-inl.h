// A tile of attention by products of bfloat16, of keys and values materialized where they have head factors. Products
// cost little beside the softmax, so that a tile has many queries, for which a block's keys and values are made once.

#if defined(T6_KERNELS_ATTENTION_TILE_BFLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_TILE_BFLOATS_INL_H_
#undef T6_KERNELS_ATTENTION_TILE_BFLOATS_INL_H_
#else
#define T6_KERNELS_ATTENTION_TILE_BFLOATS_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <optional>

#include "t6/kernels/attention/factors_bfloats-inl.h"
#include "t6/kernels/attention/queries-inl.h"
#include "t6/kernels/attention/small_bfloat_product.h"
#include "t6/kernels/attention/softmax_bfloats-inl.h"
#include "t6/kernels/linear/matrix_tiles.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL

// Keys that a row's softmax takes at once, and rows: their logits stay in the first-level cache.
constexpr int64_t kStripKeys = 2 * kPageTokens;
constexpr int64_t kStripRows = 32;
static_assert(kSectionTokens % kStripKeys == 0);
// Parts in which the next strip is fetched, one for each 32 rows: fewer than most tiles have, to be there in time.
constexpr int64_t kFetchParts = 16;

class BfloatTile {
 public:
  BfloatTile(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers)
      : x_(arguments),
        plan_(plan),
        tile_(tile),
        buffers_(buffers),
        tokens_(tile.tokens),
        columns_(tile.groups * plan.group * tokens_),
        output_stride_(padded_row(x_.v.features)),
        features_(round_up(x_.q.features, kBfloatRows)),
        value_row_(round_up(x_.v.features, kBfloatRows)),
        keys_(FactorBlock::stored_side(x_.k, x_.k_shift), x_.k, x_.k_shift, x_.heads, true, buffers.keys),
        values_(FactorBlock::Side::values, x_.v, x_.v_shift, x_.heads, true, buffers.values),
        queries_(arguments, plan, tile, buffers),
        logits_(buffers.logits.reserve(kStripRows * kStripKeys)) {
    queries_.gather();
    round_queries();
    weights_ = reserve_halves(buffers.bfloat_weights, kStripRows * kStripKeys);
    rounded_keys_ = reserve_words(buffers.bfloat_keys, sharers() * key_numbers());
    rounded_values_ = reserve_words(buffers.bfloat_values, sharers() * value_numbers());
    if (has_matrix_tiles()) tiles_.emplace(kMostTileRows, kMatrixTileDepth * 2);
  }

  // As Tile::attend_section().
  void attend_section(int64_t begin, int64_t end, const SoftmaxState& state, float* lane_sums) {
    state_ = state;
    lane_sums_ = lane_sums;
    for (int64_t first = begin; first < end; first += kStripKeys) attend(first, std::min(end - first, kStripKeys));
  }

 private:
  // Sets of keys and values that the tile's heads have, and the heads of each.
  bool by_heads() const { return plan_.k.has_a || plan_.v.has_a; }
  int64_t sharing() const { return by_heads() ? 1 : plan_.group; }
  int64_t sharers() const { return tile_.groups * plan_.group / sharing(); }
  // 32-bit pairs of a set's keys and values of a strip.
  int64_t key_numbers() const { return features_ / 2 * kStripKeys; }
  int64_t value_numbers() const { return value_row_ * kStripKeys / 2; }

  // With zeros up to whole steps along K. A product reads whole tiles of rows, from any column on.
  void round_queries() {
    rounded_queries_ = reserve_halves(buffers_.bfloat_queries, (columns_ + kBfloatRows - 1) * features_);
    uint16_t* to = rounded_queries_;
    for (int64_t column = 0; column < columns_; ++column, to += features_) {
      for (int64_t i = 0; i < x_.q.features; i += kLanes) {
        store_bfloats_up_to(hn::LoadU(Floats(), queries_.row(column) + i), to + i, x_.q.features - i);
      }
      std::fill(to + x_.q.features, to + features_, uint16_t{0});
    }
  }

  // What queries [begin, last] of the tile see of all that lies from key `first` on: between the first and the last one
  // nothing that neither sees.
  KeyRange seen_by(int64_t begin, int64_t last, int64_t first) const {
    const KeyRange early = seen_keys(x_, tile_.token + begin, first), late = seen_keys(x_, tile_.token + last, first);
    return {early.sinks, early.begin, late.end};
  }

  void attend(int64_t first, int64_t count) {
    if (seen_by(0, tokens_ - 1, first).empty(count)) return;
    for (int64_t key = 0; key < count; key += kPageTokens) round_block(first, key, std::min(count - key, kPageTokens));
    int64_t part = 0;
    for (int64_t sharer = 0; sharer < sharers(); ++sharer) {
      const int64_t rows = sharing() * tokens_;
      for (int64_t row = 0; row < rows; row += kStripRows) {
        fetch_part(first + kStripKeys, part++);
        attend_rows(sharer, sharer * rows + row, std::min(kStripRows, rows - row), first, count);
      }
    }
  }

  // Of the strip at `first`, from memory, which has nothing to do while rows meet the one before. Inline for the reason
  // that FactorBlock gives.
  HWY_INLINE void fetch_part(int64_t first, int64_t part) const {
    for (int64_t key = 0; part < kFetchParts && key < kStripKeys; key += kPageTokens) {
      keys_.fetch_part(first + key, part, kFetchParts);
      values_.fetch_part(first + key, part, kFetchParts);
    }
  }

  // The block at `key` of the strip at `first`.
  void round_block(int64_t first, int64_t key, int64_t count) {
    uint32_t *keys = rounded_keys_ + key * features_ / 2, *values = rounded_values_ + key / 2 * value_row_;
    const bool seen = !seen_by(0, tokens_ - 1, first + key).empty(count);  // else the page may be none
    if (seen) {
      keys_.begin(first + key, count, tile_.key_end);
      values_.begin(first + key, count, tile_.key_end);
    }
    float* scratch = buffers_.materialized.reserve(kPageTokens * features_ / 2);
    for (int64_t sharer = 0; sharer < sharers(); ++sharer) {
      if (!seen) {  // its weights are 0
        std::fill_n(values + sharer * value_numbers(), kPageTokens / 2 * value_row_, 0);
        continue;
      }
      const int64_t head = sharer * sharing() % plan_.group;
      if (head == 0) {
        const int64_t group = tile_.group * plan_.group + sharer * sharing();
        keys_.select(group);
        values_.select(group);
      }
      write_key_pairs(keys_, head, count, x_.k.features, features_ / 2, scratch, keys + sharer * key_numbers());
      write_value_pairs(values_, head, count, x_.v.features, values + sharer * value_numbers(), value_row_);
    }
  }

  // Columns [column, column + rows) against the strip, as far as they see it.
  void attend_rows(int64_t sharer, int64_t column, int64_t rows, int64_t first, int64_t count) {
    const int64_t t = column % tokens_;
    const bool one_head = t + rows <= tokens_;
    const KeyRange seen = one_head ? seen_by(t, t + rows - 1, first) : seen_by(0, tokens_ - 1, first);
    if (seen.empty(count)) return;
    const int64_t begin = seen.sinks > 0 ? 0 : std::max<int64_t>(0, seen.begin) / kPageTokens * kPageTokens;
    const int64_t end = round_up(std::min(seen.end, count), kPageTokens);
    for (int64_t key = begin; key < end; key += kPageTokens) score(sharer, column, rows, first, key);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t i = column + row;
      online_softmax_bfloats(logits_ + row * kStripKeys, begin, end, seen_keys(x_, tile_.token + i % tokens_, first),
                             weights_ + row * kStripKeys, state_.maximum[i], lane_sums_ + i * kLaneRoom,
                             state_.output + i * output_stride_, output_stride_);
    }
    small_bfloat_product({.a = weights_ + begin,
                          .a_row = kStripKeys,
                          .b = rounded_values_ + sharer * value_numbers() + begin / 2 * value_row_,
                          .b_row = value_row_,
                          .c = state_.output + column * output_stride_,
                          .c_row = output_stride_,
                          .M = rows,
                          .N = output_stride_,
                          .K = end - begin,
                          .accumulate = true},
                         tiles_.has_value());
  }

  // Logits with the block at `key` of the strip.
  void score(int64_t sharer, int64_t column, int64_t rows, int64_t first, int64_t key) const {
    float* logits = logits_ + key;
    small_bfloat_product({.a = rounded_queries_ + column * features_,
                          .a_row = features_,
                          .b = rounded_keys_ + sharer * key_numbers() + key * features_ / 2,
                          .b_row = kPageTokens,
                          .c = logits,
                          .c_row = kStripKeys,
                          .M = rows,
                          .N = kPageTokens,
                          .K = features_},
                         tiles_.has_value());
    const int64_t head = tile_.group * plan_.group + sharer * sharing();
    queries_.add_held_bias(column, rows, head * x_.k.rank / x_.heads, first + key, logits, kStripKeys);
  }

  const Attention& x_;
  const AttentionPlan& plan_;
  const AttentionTile& tile_;
  TileBuffers& buffers_;
  const int64_t tokens_, columns_, output_stride_;
  const int64_t features_, value_row_;  // in whole steps of products
  FactorBlock keys_, values_;
  Queries queries_;
  std::optional<MatrixTiles> tiles_;
  float* logits_;                        // [32, 128]
  float* lane_sums_ = nullptr;           // [columns, 16]
  uint16_t* rounded_queries_ = nullptr;  // [columns, features]
  uint16_t* weights_ = nullptr;          // [32, 128]
  uint32_t* rounded_keys_ = nullptr;     // [sharers, 2 blocks, features / 2, 64]
  uint32_t* rounded_values_ = nullptr;   // [sharers, 2 blocks, 32, value_row]
  SoftmaxState state_;
};

#endif

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_TILE_BFLOATS_INL_H_
