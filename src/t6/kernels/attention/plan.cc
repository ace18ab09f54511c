#include "t6/kernels/attention/plan.h"

#include <algorithm>
#include <numeric>

namespace t6 {
namespace {

// Rows of logits of a tile whose heads share keys: enough that packing a block of keys, or making floats of it, costs
// little beside using it.
constexpr int64_t kTileRows = 128;
// From so many on a block is made floats.
constexpr int64_t kManyRows = 32;
// Queries of a tile where factors are shared by many heads: a block's keys or values are materialized once for so many.
constexpr int64_t kFactorTokens = 64;
// Of a tile of bfloat16: rows, whose sums stay in the second-level cache beside a strip of keys, and queries, for which
// a strip is made once.
constexpr int64_t kBfloatTileRows = 2048;
constexpr int64_t kFewestBfloatTokens = 128;
constexpr int64_t kMostBfloatTokens = 1024;

GroupFactors group_factors(const FactorView& view, bool shifted) {
  const GroupFactors plain = {view.has_a() ? view.rank : 1, view.has_a()};
  return shifted ? GroupFactors{2 * plain.ranks, true} : plain;
}

// Few heads in a tile where keys or values are made for each.
AttentionPlan plan_bfloats(const Attention& x, AttentionPlan plan) {
  if (plan.k.has_a || plan.v.has_a) {
    int64_t group = kBfloatTileRows / kMostBfloatTokens;
    while (plan.group % group != 0) --group;
    plan.group = group;
    plan.groups = x.heads / group;
  }
  const int64_t tokens = std::clamp(kBfloatTileRows / plan.group, kFewestBfloatTokens, kMostBfloatTokens);
  plan.tokens = std::clamp<int64_t>(x.T, 1, tokens);
  plan.tile_groups = std::max<int64_t>(1, kBfloatTileRows / (tokens * plan.group));
  return plan;
}

}  // namespace

AttentionPlan plan_attention(const Attention& x, bool bfloats) {
  AttentionPlan plan;
  plan.group = std::gcd(x.k.has_a() ? x.heads : x.heads / x.k.rank, x.v.has_a() ? x.heads : x.heads / x.v.rank);
  plan.groups = x.heads / plan.group;
  plan.k = group_factors(x.k, x.k_shift != nullptr);
  plan.v = group_factors(x.v, x.v_shift != nullptr);
  plan.bfloats = x.bfloats && bfloats;
  if (plan.bfloats) return plan_bfloats(x, plan);
  const bool factors = plan.k.has_a || plan.v.has_a || x.q.has_a();
  const int64_t tokens = factors ? kFactorTokens : std::clamp<int64_t>(kTileRows / plan.group, 1, kPageTokens);
  plan.tokens = std::clamp<int64_t>(x.T, 1, tokens);
  plan.many_rows = plan.tokens > 1 && plan.tokens * plan.group >= kManyRows;

  // Multiply-adds of a group for a query and a key; kManyQueries share what is materialized, or more.
  const int64_t queries = std::min(plan.tokens, kManyQueries);
  const int64_t G = plan.group, D = x.k.features, E = x.v.features, R = plan.k.ranks;
  int64_t least = G * R * D;
  if (x.q.has_a() && x.q.rank * R * (D + G) < least) {
    plan.keys = KeyOrder::factors;
    least = x.q.rank * R * (D + G);
  }
  if (plan.k.has_a && G * D + G * R * D / queries < least) plan.keys = KeyOrder::materialized;
  if (plan.v.has_a && G * E + G * plan.v.ranks * E / queries < G * plan.v.ranks * E) {
    plan.values = ValueOrder::materialized;
  }
  return plan;
}

}  // namespace t6
