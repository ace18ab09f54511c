// In which order attention contracts its factors: decided by counting multiply-adds (appendix A).
#pragma once

#include <cstdint>

#include "t6/kernels/attention.h"

namespace t6 {

enum class KeyOrder {
  factors,      // <b_q, b_k> once for all heads, then the head factors (A.2)
  dense,        // queries materialized; their product with b_k, then a_k
  materialized  // a block's keys materialized in cache, then as without factors
};
enum class ValueOrder {
  factors,      // weights times a_v, then b_v (A.3)
  materialized  // a block's values materialized in cache
};

// Keys or values of the heads of one group, as the kernels see them: a shift doubles the ranks, with the previous
// token's factors as the second half.
struct GroupFactors {
  int64_t ranks = 1;
  bool has_a = false;
};

struct AttentionPlan {
  int64_t group = 1;        // heads that share feature factors of k and of v, or some of them
  int64_t groups = 1;       // heads / group
  int64_t tokens = 1;       // queries of a tile, at most
  int64_t tile_groups = 1;  // of a tile with several queries
  // Each number of a block meets so many rows of a tile, queries of a group's heads, that making all of them floats
  // first costs less than converting in every product: a product of floats comes near the roof.
  bool many_rows = false;
  // Products are of bfloat16 numbers (attention/tile_bfloats-inl.h), whatever the orders below.
  bool bfloats = false;
  GroupFactors k, v;
  KeyOrder keys = KeyOrder::dense;
  ValueOrder values = ValueOrder::factors;
};

// bfloats: whether the kernels have such products here.
AttentionPlan plan_attention(const Attention& arguments, bool bfloats = false);

}  // namespace t6
