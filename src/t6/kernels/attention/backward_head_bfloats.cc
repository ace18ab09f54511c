#include "t6/kernels/attention/backward_head_bfloats.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include "t6/core/rounding.h"
#include "t6/kernels/attention/small_bfloat_product.h"
#include "t6/kernels/linear/matrix_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "t6/kernels/attention/backward_head_bfloats.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, which includes this file once for each target.
#include "t6/kernels/attention/rounded_rows-inl.h"
#include "t6/kernels/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL

// Queries of a block and keys of a strip. Gradients of keys and values are sums over queries, those of queries over
// keys: so many of each are added up in registers before a sum goes back to memory. What belongs to a block and a strip
// stays in the second-level cache.
constexpr int64_t kBlockQueries = 256;
constexpr int64_t kStripKeys = 256;
// Keys of a row of tiles, and queries that meet them at once: logits, and the gradients of weights, [32, 128] each,
// stay in the first-level cache.
constexpr int64_t kRowKeys = kBfloatRows;
constexpr int64_t kChunkQueries = 128;
// From one row of keys across to the next: a line more than they take, so that not all lie in a few sets of the cache.
constexpr int64_t kAcrossRow = kStripKeys + kBfloatRows;

class BfloatHeadBackward {
 public:
  BfloatHeadBackward(const AttentionBackward& arguments, int64_t head, BfloatHeadBuffers& buffers)
      : p_(arguments),
        x_(arguments.forward),
        head_(head),
        keys_count_(x_.start + x_.T),
        rows_count_(round_up(keys_count_, kRowKeys)),
        d_(round_up(x_.k.features, kBfloatRows)),
        e_(round_up(x_.v.features, kBfloatRows)),
        q_(x_.q, x_.heads, head),
        k_(x_.k, x_.heads, head),
        v_(x_.v, x_.heads, head),
        rows_(buffers.rows, buffers.rounded_rows, kBlockQueries, std::max(d_, e_)),
        keys_(reserve_halves(buffers.keys, rows_count_ * d_)),
        keys_across_(reserve_halves(buffers.keys_across, divide_up(keys_count_, kStripKeys) * d_ * kAcrossRow)),
        values_(reserve_halves(buffers.values, rows_count_ * e_)),
        key_gradients_(buffers.key_gradients.reserve(rows_count_ * d_)),
        value_gradients_(buffers.value_gradients.reserve(rows_count_ * e_)),
        queries_(reserve_words(buffers.queries, kBlockQueries / 2 * d_)),
        query_pairs_(reserve_words(buffers.query_pairs, kBlockQueries / 2 * d_)),
        out_gradients_(reserve_words(buffers.out_gradients, kBlockQueries / 2 * e_)),
        out_gradient_pairs_(reserve_words(buffers.out_gradient_pairs, kBlockQueries / 2 * e_)),
        query_gradients_(buffers.query_gradients.reserve(d_ * kBlockQueries)),
        log_sums_(buffers.log_sums.reserve(kBlockQueries)),
        weight_sums_(buffers.weight_sums.reserve(kBlockQueries)),
        means_(buffers.means.reserve(kBlockQueries)),
        logits_(buffers.logits.reserve(kRowKeys * kChunkQueries)),
        products_(buffers.products.reserve(kRowKeys * kChunkQueries)),
        weights_(reserve_halves(buffers.weights, kRowKeys * kBlockQueries)),
        logit_gradients_(reserve_halves(buffers.logit_gradients, kRowKeys * kBlockQueries)),
        logit_gradient_pairs_(reserve_words(buffers.logit_gradient_pairs, kStripKeys / 2 * kBlockQueries)) {
    if (has_matrix_tiles()) tiles_.emplace(kMostTileRows, kMatrixTileDepth * 2);
  }

  void run(const FeatureGradients& features) {
    round_keys();
    std::fill_n(key_gradients_, rows_count_ * d_, 0.0f);
    std::fill_n(value_gradients_, rows_count_ * e_, 0.0f);
    for (first_ = 0; first_ < x_.T; first_ += kBlockQueries) {
      count_ = std::min(kBlockQueries, x_.T - first_);
      columns_ = round_up(count_, kBfloatRows);
      round_queries();
      round_out_gradients();
      sum_weights();
      std::fill_n(query_gradients_, d_ * kBlockQueries, 0.0f);
      for (int64_t strip = 0; strip < x_.start + first_ + count_; strip += kStripKeys) add_strip(strip);
      contract_queries(features.q);
    }
    contract(k_, 0, keys_count_, 1, key_gradients_, d_, p_.dk_a, features.k);
    contract(v_, 0, keys_count_, 1, value_gradients_, e_, p_.dv_a, features.v);
  }

 private:
  void round_keys() {
    for (int64_t strip = 0; strip < keys_count_; strip += kStripKeys) {
      const int64_t count = std::min(kStripKeys, keys_count_ - strip), rows = round_up(count, kRowKeys);
      rows_.materialize(k_, strip, count, 1, d_);
      rows_.round(rows, d_, keys_ + strip * d_);
      rows_.turn(rows, d_, across(strip), kAcrossRow);
      rows_.materialize(v_, strip, count, 1, e_);
      rows_.round(rows, e_, values_ + strip * e_);
    }
  }
  uint16_t* across(int64_t strip) const { return keys_across_ + strip / kStripKeys * d_ * kAcrossRow; }

  void round_queries() {
    rows_.materialize(q_, first_, count_, x_.logit_scale, d_);
    rows_.turn_pairs(columns_, d_, queries_, kBlockQueries);
    rows_.pair(columns_, d_, query_pairs_);
  }

  // Also the logarithms of sums. Queries after the last have weights 0.
  void round_out_gradients() {
    const Floats d;
    const int64_t features = x_.v.features;
    const Vector scale = hn::Set(d, x_.value_scale);
    for (int64_t t = 0; t < count_; ++t) {
      const int64_t token = (first_ + t) * x_.heads + head_;
      const float* given = p_.d_out + token * features;
      for (int64_t i = 0; i < e_; i += kLanes) {
        const Vector gradient = load_up_to(d, given + i, std::max<int64_t>(0, features - i));
        hn::Store(hn::Mul(gradient, scale), d, rows_.row(t, e_) + i);
      }
      log_sums_[t] = p_.lse[token] * kLog2E;
    }
    rows_.finish(count_, e_);
    std::fill(log_sums_ + count_, log_sums_ + columns_, std::numeric_limits<float>::infinity());
    rows_.turn_pairs(columns_, e_, out_gradients_, kBlockQueries);
    rows_.pair(columns_, e_, out_gradient_pairs_);
  }

  // Columns of the block, in whole tiles, that see any of 32 keys from `key` on.
  struct Columns {
    int64_t begin, end;
    bool empty() const { return begin >= end; }
  };
  Columns seen_by(int64_t key) const {
    const int64_t ahead = key - x_.start - first_;  // of the block's first query
    const bool far = x_.window == 0 || key < x_.sinks;
    const int64_t end = far ? columns_ : std::min(columns_, round_up(ahead + kRowKeys - 1 + x_.window, kBfloatRows));
    return {std::max<int64_t>(0, ahead) / kBfloatRows * kBfloatRows, end};
  }
  // Whether 32 queries from `column` on see all of 32 keys from `key` on.
  bool seen_whole(int64_t key, int64_t column) const {
    const int64_t ahead = key - x_.start - first_ - column;
    if (ahead + kRowKeys - 1 > 0) return false;
    return x_.window == 0 || key + kRowKeys <= x_.sinks || kBfloatRows - 1 < ahead + x_.window;
  }

  // The end of the keys that the block's queries see, in whole rows of tiles.
  int64_t keys_end() const { return round_up(std::max<int64_t>(0, x_.start + first_ + count_), kRowKeys); }

  // As in backward_head.cc: weights are made to sum to 1, and the mean of their gradients is that of these very
  // numbers. From the output, which is rounded, it would leave of a weight near 1 what is lost by rounding. So logits
  // are computed twice; the block's weights of all keys would not fit into the second-level cache.
  void sum_weights() {
    const Floats d;
    std::fill_n(weight_sums_, columns_, 0.0f);
    std::fill_n(means_, columns_, 0.0f);
    for (int64_t key = 0; key < keys_end(); key += kRowKeys) {
      for_chunks(key, seen_by(key), [&](int64_t column, int64_t at, auto masked) HWY_ATTR {
        for (int64_t v = 0; v < kBfloatRows; v += kLanes) {
          Vector sum = hn::Load(d, weight_sums_ + column + v), mean = hn::Load(d, means_ + column + v);
          for (int64_t k = 0; k < kRowKeys; ++k) {
            const int64_t from = k * kChunkQueries + at + v;
            const Vector weight = weigh<masked()>(key + k, column + v, logits_ + from);
            sum = hn::Add(sum, weight);
            mean = hn::MulAdd(weight, hn::Load(d, products_ + from), mean);
          }
          hn::Store(sum, d, weight_sums_ + column + v);
          hn::Store(mean, d, means_ + column + v);
        }
      });
    }
    for (int64_t i = 0; i < columns_; ++i) {
      if (weight_sums_[i] == 0) continue;  // it sees no key
      means_[i] /= weight_sums_[i];
      log_sums_[i] += std::log2(weight_sums_[i]);
    }
  }

  void add_strip(int64_t strip) {
    const int64_t strip_end = std::min(strip + kStripKeys, keys_end());
    int64_t begin = strip_end;  // the first key that any query sees
    for (int64_t key = strip; key < strip_end; key += kRowKeys) {
      const Columns seen = seen_by(key);
      if (!seen.empty()) begin = std::min(begin, key);
      if (begin > key) continue;
      uint32_t* pairs = logit_gradient_pairs_ + (key - strip) / 2 * kBlockQueries;
      clear_pairs(pairs, 0, seen.empty() ? columns_ : seen.begin);
      if (seen.empty()) continue;
      clear_pairs(pairs, seen.end, columns_);
      for_chunks(key, seen, [&](int64_t column, int64_t at, auto masked) HWY_ATTR {
        differentiate<masked()>(key, column, at, pairs);
      });
      add_key_gradients(key, seen);
    }
    for (int64_t column = 0; column < columns_; column += kBfloatRows) {
      const int64_t end = std::min(strip_end, round_up(x_.start + first_ + column + kBfloatRows, kRowKeys));
      if (begin < end) add_query_gradients(strip, begin, end, column);
    }
  }

  static void clear_pairs(uint32_t* pairs, int64_t begin, int64_t end) {
    for (int64_t k = 0; begin < end && k < kRowKeys / 2; ++k) {
      std::fill(pairs + k * kBlockQueries + begin, pairs + k * kBlockQueries + end, 0);
    }
  }

  // Of 32 keys and the queries that see any of them: their logits and the gradients of their weights, some queries at a
  // time, and of each 32 of these visit(column, at, masked), `at` being their place in logits_ and products_, and
  // masked() whether some do not see all keys.
  template <typename Visit>
  HWY_INLINE void for_chunks(int64_t key, const Columns& seen, const Visit& visit) const {
    for (int64_t chunk = seen.begin; chunk < seen.end; chunk += kChunkQueries) {
      const Columns columns = {chunk, std::min(seen.end, chunk + kChunkQueries)};
      multiply_keys(keys_ + key * d_, d_, queries_, columns, logits_);
      multiply_keys(values_ + key * e_, e_, out_gradients_, columns, products_);
      for (int64_t column = chunk; column < columns.end; column += kBfloatRows) {
        if (seen_whole(key, column)) {
          visit(column, column - chunk, std::false_type());
        } else {
          visit(column, column - chunk, std::true_type());
        }
      }
    }
  }
  void multiply_keys(const uint16_t* rows, int64_t width, const uint32_t* across, const Columns& columns,
                     float* out) const {
    small_bfloat_product({.a = rows,
                          .a_row = width,
                          .b = across + columns.begin,
                          .b_row = kBlockQueries,
                          .c = out,
                          .c_row = kChunkQueries,
                          .M = kRowKeys,
                          .N = columns.end - columns.begin,
                          .K = width},
                         tiles_.has_value());
  }

  // A key's weights for a vector of queries from `column` on, e^(logit - lse).
  template <bool kMasked>
  HWY_INLINE Vector weigh(int64_t key, int64_t column, const float* logits) const {
    const Floats d;
    const Vector power = hn::MulSub(hn::Load(d, logits), hn::Set(d, kLog2E), hn::Load(d, log_sums_ + column));
    const Vector weight = power_of_two(power);
    return kMasked ? seen_alone(weight, key - x_.start - first_ - column, key) : weight;
  }
  // A key's weights for a vector of queries, 0 for those that do not see it; ahead: of the first of them.
  HWY_INLINE Vector seen_alone(Vector weight, int64_t ahead, int64_t key) const {
    const Floats d;
    const Vector query = hn::Iota(d, 0);
    weight = hn::IfThenZeroElse(hn::Lt(query, hn::Set(d, static_cast<float>(ahead))), weight);
    if (x_.window == 0 || key < x_.sinks) return weight;
    return hn::IfThenZeroElse(hn::Ge(query, hn::Set(d, static_cast<float>(ahead + x_.window))), weight);
  }

  // The weights of 32 keys for 32 queries, and the gradients of their logits: w (dw - sum over keys w dw).
  template <bool kMasked>
  void differentiate(int64_t key, int64_t column, int64_t at, uint32_t* pairs) const {
    const Floats d;
    for (int64_t k = 0; k < kRowKeys; k += 2) {
      __m512i gradients[2];
      T6_UNROLL
      for (int i = 0; i < 2; ++i) {
        Vector weight[2], gradient[2];
        T6_UNROLL
        for (int v = 0; v < 2; ++v) {
          const int64_t from = (k + i) * kChunkQueries + at + v * kLanes, query = column + v * kLanes;
          weight[v] = weigh<kMasked>(key + k + i, query, logits_ + from);
          gradient[v] = hn::Mul(weight[v], hn::Sub(hn::Load(d, products_ + from), hn::Load(d, means_ + query)));
        }
        const int64_t to = (k + i) * kBlockQueries + column;
        store_bfloats(weight[0], weight[1], weights_ + to);
        gradients[i] = rounded_halves(gradient[0], gradient[1]);
        _mm512_storeu_si512(logit_gradients_ + to, gradients[i]);
      }
      // Not in the order of queries: query_of_column().
      uint32_t* to = pairs + k / 2 * kBlockQueries + column;
      _mm512_storeu_si512(to, _mm512_unpacklo_epi16(gradients[0], gradients[1]));
      _mm512_storeu_si512(to + kLanes, _mm512_unpackhi_epi16(gradients[0], gradients[1]));
    }
  }
  // The query of a column of query_gradients_ whose number is a multiple of 4, and three after it.
  static int64_t query_of_column(int64_t column) {
    const int64_t four = column % kBfloatRows / 4;
    return column / kBfloatRows * kBfloatRows + four % 4 * 8 + four / 4 * 4;
  }

  void add_key_gradients(int64_t key, const Columns& seen) {
    const auto add = [&](const uint16_t* weights, const uint32_t* rows, int64_t width, float* sums) {
      small_bfloat_product({.a = weights + seen.begin,
                            .a_row = kBlockQueries,
                            .b = rows + seen.begin / 2 * width,
                            .b_row = width,
                            .c = sums + key * width,
                            .c_row = width,
                            .M = kRowKeys,
                            .N = width,
                            .K = seen.end - seen.begin,
                            .accumulate = true},
                           tiles_.has_value());
    };
    add(weights_, out_gradient_pairs_, e_, value_gradients_);
    add(logit_gradients_, query_pairs_, d_, key_gradients_);
  }

  // From keys [begin, end) of the strip to 32 queries.
  void add_query_gradients(int64_t strip, int64_t begin, int64_t end, int64_t column) {
    small_bfloat_product({.a = across(strip) + begin - strip,
                          .a_row = kAcrossRow,
                          .b = logit_gradient_pairs_ + (begin - strip) / 2 * kBlockQueries + column,
                          .b_row = kBlockQueries,
                          .c = query_gradients_ + column,
                          .c_row = kBlockQueries,
                          .M = d_,
                          .N = kBfloatRows,
                          .K = end - begin,
                          .accumulate = true},
                         tiles_.has_value());
  }

  void contract_queries(float* feature_gradients) {
    for (int64_t column = 0; column < columns_; column += 4) {
      transpose_rows(query_gradients_ + column, kBlockQueries, d_, 4, rows_.row(query_of_column(column), d_), d_);
    }
    contract(q_, first_, first_ + count_, x_.logit_scale, rows_.row(0, d_), d_, p_.dq_a, feature_gradients);
  }

  const AttentionBackward& p_;
  const Attention& x_;
  const int64_t head_, keys_count_, rows_count_;  // keys, and in whole rows of tiles
  const int64_t d_, e_;                           // D and E in whole steps of products
  const HeadFactors q_, k_, v_;
  std::optional<MatrixTiles> tiles_;
  const RowsToRound rows_;          // 256 of d or e
  uint16_t* keys_;                  // [M, d]
  uint16_t* keys_across_;           // [strips, d, 256 and a line]
  uint16_t* values_;                // [M, e]
  float* key_gradients_;            // [M, d]
  float* value_gradients_;          // [M, e]
  uint32_t* queries_;               // [d / 2, 256], times logit_scale
  uint32_t* query_pairs_;           // [128, d], likewise
  uint32_t* out_gradients_;         // [e / 2, 256], times value_scale
  uint32_t* out_gradient_pairs_;    // [128, e], likewise
  float* query_gradients_;          // [d, 256], without logit_scale
  float* log_sums_;                 // [256], to base 2
  float* weight_sums_;              // [256]
  float* means_;                    // [256]: sum over keys of weight times its gradient
  float* logits_;                   // [32, 128]
  float* products_;                 // [32, 128]: gradients of the weights
  uint16_t* weights_;               // [32, 256]
  uint16_t* logit_gradients_;       // [32, 256]
  uint32_t* logit_gradient_pairs_;  // [128, 256]
  // The block of queries that is worked on, and how many there are in whole tiles.
  int64_t first_ = 0, count_ = 0, columns_ = 0;
};

void backward_bfloats(const AttentionBackward& arguments, int64_t head, const FeatureGradients& features,
                      BfloatHeadBuffers& buffers) {
  BfloatHeadBackward(arguments, head, buffers).run(features);
}

#else

// Never called: goes_by_bfloats() is for processors of the target above.
void backward_bfloats(const AttentionBackward&, int64_t, const FeatureGradients&, BfloatHeadBuffers&) {}

#endif

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t6 {

HWY_EXPORT(backward_bfloats);

bool goes_by_bfloats(const AttentionBackward& arguments) { return arguments.forward.bfloats && has_bfloat_attention(); }

void backward_head_bfloats(const AttentionBackward& arguments, int64_t head, const FeatureGradients& features,
                           BfloatHeadBuffers& buffers) {
  HWY_DYNAMIC_DISPATCH(backward_bfloats)(arguments, head, features, buffers);
}

}  // namespace t6
#endif  // HWY_ONCE
