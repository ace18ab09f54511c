// Causal attention over tensor products: queries, keys and values come as head and feature factors, and nobody
// materializes K or V. One entry point for every kind of attention (equations A.2 and A.3), for decoding, prefill and
// training.
#pragma once

#include <cstdint>
#include <span>

#include "t6/kernels/context.h"
#include "t6/numbers/cache_page.h"

namespace t6 {

// Queries, keys or values of consecutive tokens: for each token the product sum_r a_r (outer) b_r. A token's
// numbers lie `*_stride` apart from the next one's; stride 0 is a learned constant, the same for every token.
struct FactorView {
  int64_t rank = 1;      // R
  int64_t features = 1;  // D, or E for values

  // Head factors [R, H] of a token. Null: grouped, head h takes b of rank h / (H / R) as it is (R divides H).
  const float* a = nullptr;
  int64_t a_stride = 0;

  // Feature factors [R, D] of a token; for third-order factors b' [R, D / third].
  const float* b = nullptr;
  int64_t b_stride = 0;

  // Third-order factors [R, third] of a token: feature j * (D / third) + i of b is b'[i] c[j]. Null: second order.
  const float* c = nullptr;
  int64_t c_stride = 0;
  int64_t third = 1;

  // What is left to do to b (to b') when it is used, because it was kept raw: an RMSNorm over its features, then the
  // rotation of its first rotary_dim features by the token's position.
  const float* norm_weight = nullptr;  // [D]; null: no norm
  float norm_epsilon = 0;
  const float* rotary = nullptr;  // entry of the view's first token in a RotaryTable; null: no rotation
  int64_t rotary_dim = 0;

  // Keys and values in a cache: pages[i] holds tokens 64 i to 64 i + 63, and those of a, b and c that have a stream
  // (a width above 0) lie there and not behind the pointers above. Values may name the keys' stream and be narrower
  // than it (MLA): its first `features` numbers are theirs. A page that no query sees a token of may be null, under a
  // shift one before such a page alone. Null: nothing is paged.
  const std::byte* const* pages = nullptr;
  PagedStream paged_a, paged_b, paged_c;

  bool has_a() const { return a || paged_a.width > 0; }
  bool has_c() const { return c || paged_c.width > 0; }
};

// A part of grouped keys that their numbers lack: of each feature factor's bias, the same for every token before its
// rotation, some pairs of features (i, i + rotary_dim / 2). Large numbers that are known need no bits of a cache.
struct HeldBias {
  const int64_t* first = nullptr;     // [R_K + 1]: rank r has pairs first[r] to first[r + 1] - 1; null: nothing is held
  const int32_t* features = nullptr;  // i of each pair
  const float* rows = nullptr;        // [pairs, 2, 64]: what rotation makes of the pair at positions 0 to 63
  const float* rotary = nullptr;      // entry of position 0 in a RotaryTable that reaches to the last key
  int64_t rotary_dim = 0;
};

struct Attention {
  FactorView q;  // T tokens, at positions start .. start + T - 1; never paged
  FactorView k;  // start + T tokens from position 0 on, the queries' own among them; D equals the queries'
  FactorView v;  // as k, E features
  int64_t T = 0, start = 0, heads = 0;

  float logit_scale = 1;  // of sum a_q a_k <b_q, b_k>: the ranks' 1 / (R_Q R_K) and 1 / sqrt(D) together
  float value_scale = 1;  // of sum a_v b_v: 1 / R_V

  HeldBias k_bias = {};  // with neither head factors of queries and keys, nor third order, nor a shift

  // A query sees the last `window` keys up to its own, and the first `sinks` of all. 0: every key up to its own.
  int64_t window = 0, sinks = 0;

  // Mixes a token's keys with its predecessor's, [2, H]: K'_t = shift[0] K_t + shift[1] K_(t-1), K_(-1) = 0; likewise
  // values. Null: no shift. Both or neither.
  const float* k_shift = nullptr;
  const float* v_shift = nullptr;

  // Whether products may take keys, values, queries and weights rounded to bfloat16, with float32 sums: where the
  // processor multiplies such numbers, from any number of queries on. Elsewhere nothing changes.
  bool bfloats = false;

  float* out = nullptr;  // [T, H, E]
  float* lse = nullptr;  // [T, H], the logarithm of the sum of e^logit over the keys that a query sees; may be null
};

// Whether Attention::bfloats changes anything on this machine.
bool has_bfloat_attention();

// From so many queries of a sequence on, the order of contraction does not depend on how many more there are.
inline constexpr int64_t kManyQueries = 32;

// Sequences of any lengths, on up to context.thread_count() threads. The bits of a query's output do not depend on the
// sequences and queries beside it nor on the number of threads, as long as the order of contraction (attention/plan.h)
// is the same, and, of factors in pages, what is made floats: for factors both depend on how many queries come at once.
// Errors, before anything is computed: sizes that do not go together, factors or room that are missing; what lies
// behind pointers and strides is not looked at.
void attention(Context& context, std::span<const Attention> batch);
void attention(Context& context, const Attention& arguments);

}  // namespace t6
