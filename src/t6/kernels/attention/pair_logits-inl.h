// Logits from products of feature factors (A.2), where head factors are float32 rows.

#if defined(T6_KERNELS_ATTENTION_PAIR_LOGITS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef T6_KERNELS_ATTENTION_PAIR_LOGITS_INL_H_
#undef T6_KERNELS_ATTENTION_PAIR_LOGITS_INL_H_
#else
#define T6_KERNELS_ATTENTION_PAIR_LOGITS_INL_H_
#endif

#include <cstdint>

#include "t6/kernels/attention/small_product-inl.h"
#include "t6/numbers/cache_page.h"

HWY_BEFORE_NAMESPACE();
namespace t6::HWY_NAMESPACE {

// logits[h][k] = sum_s key_heads[s][h][k] sum_r query_heads[r][h] pairs[s][r][k], for a block's 64 keys k.
struct PairLogits {
  const float* query_heads = nullptr;       // [R_Q, H]
  int64_t query_step = 0;                   // from rank to rank
  const float* pairs = nullptr;             // [R_K, R_Q, 64]
  int64_t pairs_step = 0;                   // from key rank to key rank
  const float* const* key_heads = nullptr;  // [H, 64] of each key rank
  float* logits = nullptr;                  // [H, 64]
  int64_t logits_row = 0;                   // from head to head
  int64_t heads = 0, query_ranks = 0;
};

// The sums over r of all key ranks stay in registers.
template <int kRanks, int kRows>
HWY_INLINE void write_pair_logits_of(const PairLogits& p, int64_t h) {
  const Floats d;
  constexpr int kVectors = kProductVectors;
  const float* key_heads[kRanks];
  for (int s = 0; s < kRanks; ++s) key_heads[s] = p.key_heads[s] + h * kPageTokens;
  for (int64_t k = 0; k < kPageTokens; k += kVectors * kLanes) {
    Vector sums[kRanks][kRows][kVectors];
    T6_UNROLL
    for (int s = 0; s < kRanks; ++s) {
      T6_UNROLL
      for (int n = 0; n < kRows; ++n) {
        T6_UNROLL
        for (int v = 0; v < kVectors; ++v) sums[s][n][v] = hn::Zero(d);
      }
    }
    const float *pair = p.pairs + k, *query_head = p.query_heads + h;
    for (int64_t r = 0; r < p.query_ranks; ++r, pair += kPageTokens, query_head += p.query_step) {
      T6_UNROLL
      for (int s = 0; s < kRanks; ++s) {
        Vector row[kVectors];
        T6_UNROLL
        for (int v = 0; v < kVectors; ++v) row[v] = hn::LoadU(d, pair + s * p.pairs_step + v * kLanes);
        T6_UNROLL
        for (int n = 0; n < kRows; ++n) {
          const Vector factor = hn::Set(d, query_head[n]);
          T6_UNROLL
          for (int v = 0; v < kVectors; ++v) sums[s][n][v] = hn::MulAdd(factor, row[v], sums[s][n][v]);
        }
      }
    }
    T6_UNROLL
    for (int n = 0; n < kRows; ++n) {
      T6_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const int64_t at = n * kPageTokens + k + v * kLanes;
        Vector logit = hn::Mul(sums[0][n][v], hn::LoadU(d, key_heads[0] + at));
        T6_UNROLL
        for (int s = 1; s < kRanks; ++s) logit = hn::MulAdd(sums[s][n][v], hn::LoadU(d, key_heads[s] + at), logit);
        hn::StoreU(logit, d, p.logits + (h + n) * p.logits_row + k + v * kLanes);
      }
    }
  }
}

template <int kRanks>
HWY_NOINLINE void write_pair_logits_of(const PairLogits& p) {
  constexpr int kRows = kProductRows / kRanks;
  int64_t h = 0;
  for (; h + kRows <= p.heads; h += kRows) write_pair_logits_of<kRanks, kRows>(p, h);
  for (; h < p.heads; ++h) write_pair_logits_of<kRanks, 1>(p, h);
}

// So many key ranks at most.
constexpr int64_t kPairRanks = 2;
inline void write_pair_logits(const PairLogits& p, int64_t key_ranks) {
  key_ranks == 1 ? write_pair_logits_of<1>(p) : write_pair_logits_of<2>(p);
}

}  // namespace t6::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // T6_KERNELS_ATTENTION_PAIR_LOGITS_INL_H_
