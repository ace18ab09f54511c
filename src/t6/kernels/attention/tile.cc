#include "t6/kernels/attention/tile.h"

#include <algorithm>
#include <cmath>

#include "t6/kernels/linear/bfloat_tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/attention/tile.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/attention/scores-inl.h"
#include "t6/kernels/attention/softmax_rows-inl.h"
#include "t6/kernels/attention/tile_bfloats-inl.h"
#include "t6/kernels/attention/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// Rows of logits that are worked on at once: with the block's values they stay in the first-level cache.
constexpr int64_t kChunkRows = 96;
// Heads worked on at once, at least: a register tile's rows.
constexpr int64_t kChunkHeads = kProductRows;

class Tile {
 public:
  Tile(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers)
      : x_(arguments),
        plan_(plan),
        tile_(tile),
        tokens_(tile.tokens),
        first_head_(tile.group * plan.group),
        heads_(tile.groups * plan.group),
        output_stride_(padded_row(x_.v.features)),
        chunk_heads_(std::min(plan.group, std::max(kChunkHeads, kChunkRows / tokens_))),
        scores_(arguments, plan, tile, buffers),
        values_(arguments, plan, tile, buffers),
        logits_(buffers.logits.reserve(chunk_heads_ * tokens_ * kPageTokens)) {}

  // Adds keys [begin, end) to the sums; those of the weights are in lanes, [columns, 16].
  void attend_section(int64_t begin, int64_t end, const SoftmaxState& state, float* lane_sums) {
    state_ = state;
    lane_sums_ = lane_sums;
    for (int64_t first = begin; first < end; first += kPageTokens) {
      // The window has left it for all: a tile's queries are no more than a block's keys, so that none between the
      // first and the last sees a block that neither does.
      if (seen(0, first).empty() && seen(tokens_ - 1, first).empty()) continue;
      attend_block(first, std::min(end - first, kPageTokens));
    }
  }

 private:
  KeyRange seen(int64_t t, int64_t first) const { return seen_keys(x_, tile_.token + t, first); }

  void attend_block(int64_t first, int64_t count) {
    scores_.begin_block(first, count, tile_.key_end);
    values_.begin_block(first, count, tile_.key_end);
    for (int64_t head = 0; head < heads_; head += plan_.group) {
      scores_.select_group(first_head_ + head);
      values_.select_group(first_head_ + head);
      for (int64_t h = 0; h < plan_.group; h += chunk_heads_) {
        const Chunk chunk = {head, h, std::min(chunk_heads_, plan_.group - h)};
        const int64_t column = (head + h) * tokens_;
        scores_.score(chunk, logits_);
        update_softmax(chunk, column, first);
        values_.add(state_.output + column * output_stride_);
      }
    }
  }

  // The chunk's logits become weights; its columns begin at `column`, the block at key `first`.
  void update_softmax(const Chunk& chunk, int64_t column, int64_t first) {
    values_.begin_weights(chunk, logits_);
    for (int64_t h = 0, row = 0; h < chunk.heads; ++h) {
      values_.select_head(h);
      for (int64_t t = 0; t < tokens_; ++t, ++row) {
        online_softmax_update(logits_ + row * kPageTokens, seen(t, first), values_.spread(t),
                              state_.maximum[column + row], lane_sums_ + (column + row) * kLaneRoom,
                              state_.output + (column + row) * output_stride_, output_stride_);
      }
    }
  }

  const Attention& x_;
  const AttentionPlan& plan_;
  const AttentionTile& tile_;
  const int64_t tokens_, first_head_, heads_, output_stride_, chunk_heads_;
  Scores scores_;
  Values values_;
  float* logits_;               // [chunk heads, tokens, 64]
  float* lane_sums_ = nullptr;  // [columns, 16]
  SoftmaxState state_;
};

// Sums of sections, in the tree that tile.h tells of.
template <typename AnyTile>
class SectionTree {
 public:
  SectionTree(AnyTile& of, const AttentionTile& tile, int64_t columns, int64_t stride, TileBuffers& buffers)
      : of_(of), tile_(tile), columns_(columns), stride_(stride), buffers_(buffers) {}

  void sum(const SoftmaxState& whole) {
    const int64_t begin = tile_.key_begin, end = tile_.key_end;
    if (begin / kPartTokens == (end - 1) / kPartTokens) return sum_part(begin, end, whole);
    const SoftmaxState part = buffers_.part.reserve(columns_, stride_);
    for (int64_t first = begin; first < end; first += kPartTokens) {
      sum_part(first, std::min(end, first + kPartTokens), first == begin ? whole : part);
      if (first > begin) merge(part, whole);
    }
  }

 private:
  void merge(const SoftmaxState& from, const SoftmaxState& into) const {
    for (int64_t i = 0; i < columns_; ++i) merge_column(from, into, i, stride_);
  }

  void sum_section(int64_t begin, int64_t end, const SoftmaxState& state) {
    const Floats d;
    float* lane_sums = buffers_.lane_sums.reserve(columns_ * kLaneRoom);
    std::fill_n(state.maximum, columns_, kNever);
    std::fill_n(state.output, columns_ * stride_, 0.0f);
    std::fill_n(lane_sums, columns_ * kLaneRoom, 0.0f);
    of_.attend_section(begin, end, state, lane_sums);
    for (int64_t i = 0; i < columns_; ++i) {
      state.sum[i] = hn::GetLane(hn::SumOfLanes(d, hn::Load(d, lane_sums + i * kLaneRoom)));
    }
  }

  void sum_part(int64_t begin, int64_t end, const SoftmaxState& whole) {
    const SoftmaxState section = buffers_.section.reserve(columns_, stride_);
    for (int64_t first = begin; first < end || first == begin; first += kSectionTokens) {
      sum_section(first, std::min(end, first + kSectionTokens), first == begin ? whole : section);
      if (first > begin) merge(section, whole);
    }
  }

  AnyTile& of_;
  const AttentionTile& tile_;
  const int64_t columns_, stride_;
  TileBuffers& buffers_;
};

template <typename AnyTile>
void sum_tile_as(const Attention& x, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers,
                 const SoftmaxState& state) {
  AnyTile of(x, plan, tile, buffers);
  SectionTree(of, tile, tile_columns(plan, tile), padded_row(x.v.features), buffers).sum(state);
}

void sum_tile(const Attention& x, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers,
              const SoftmaxState& state) {
#if HWY_TARGET == HWY_AVX3_DL
  if (plan.bfloats) return sum_tile_as<BfloatTile>(x, plan, tile, buffers, state);
#endif
  sum_tile_as<Tile>(x, plan, tile, buffers, state);
}

void finish_columns(const Attention& x, const AttentionPlan& plan, const AttentionTile& tile, const SoftmaxState& state,
                    int64_t begin, int64_t end) {
  const Floats d;
  const int64_t E = x.v.features, stride = padded_row(x.v.features);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t t = tile.token + i % tile.tokens, h = tile.group * plan.group + i / tile.tokens;
    const bool nothing = state.sum[i] == 0;  // no key at all
    const Vector factor = hn::Set(d, nothing ? 0 : x.value_scale / state.sum[i]);
    const float* from = state.output + i * stride;
    float* to = x.out + (t * x.heads + h) * E;
    for (int64_t e = 0; e < E; e += kLanes) store_up_to(hn::Mul(hn::LoadU(d, from + e), factor), d, to + e, E - e);
    if (x.lse) x.lse[t * x.heads + h] = state.maximum[i] + std::log(state.sum[i]);
  }
}

// Products of bfloat16 are written for what this target is dispatched to.
bool takes_bfloats() { return HWY_TARGET == HWY_AVX3_DL; }

void merge_columns(const SoftmaxState& from, const SoftmaxState& into, int64_t stride, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) merge_column(from, into, i, stride);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(sum_tile);
HWY_EXPORT(merge_columns);
HWY_EXPORT(finish_columns);
HWY_EXPORT(takes_bfloats);

bool has_bfloat_attention() { return has_bfloat_tile() && HWY_DYNAMIC_DISPATCH(takes_bfloats)(); }

void sum_tile(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile, TileBuffers& buffers,
              const SoftmaxState& state) {
  HWY_DYNAMIC_DISPATCH(sum_tile)(arguments, plan, tile, buffers, state);
}

void merge_columns(const SoftmaxState& from, const SoftmaxState& into, int64_t stride, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(merge_columns)(from, into, stride, begin, end);
}

int64_t tile_columns(const AttentionPlan& plan, const AttentionTile& tile) {
  return tile.groups * plan.group * tile.tokens;
}

void finish_columns(const Attention& arguments, const AttentionPlan& plan, const AttentionTile& tile,
                    const SoftmaxState& state, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(finish_columns)(arguments, plan, tile, state, begin, end);
}

}  // namespace t6
#endif  // HWY_ONCE
