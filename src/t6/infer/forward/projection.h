// From hidden states to factors: the linear maps, activations, norms and rotations of queries, keys and values, for
// every FactorShape.
#pragma once

#include <cstdint>
#include <vector>

#include "t6/infer/cache.h"
#include "t6/infer/model.h"
#include "t6/kernels/attention.h"
#include "t6/kernels/matmul.h"
#include "t6/kernels/rotary.h"

namespace t6 {

struct TokenRows {
  const float* x = nullptr;  // [T, width]
  int64_t T = 0, width = 0;
  const int64_t* positions = nullptr;  // [T]
};

// Where a projection leaves what is contextual, [T, ...] each; null for what is not.
struct FactorRowsOut {
  float* a = nullptr;  // [T, R, H]
  float* b = nullptr;  // [T, R, D / third]
  float* c = nullptr;  // [T, R, third]
};

// What happens to b after the linear map, for queries and keys.
struct FeatureFinish {
  const float* norm = nullptr;  // [D]
  float epsilon = 0;
  const RotaryTable* rotary = nullptr;  // null: values, which do not rotate
};

// The products that make a, b and c of the tokens, appended to `products`.
void add_products(const FactorWeights& weights, const TokenRows& tokens, const FactorRowsOut& out,
                  std::vector<Matmul>& products);

// What follows the products, in place: a [T, R, H] is activated; b [T, R, D / third] normalized and rotated, unless it
// stays `raw`.
void finish_factors(Context& context, const FactorShape& shape, HeadActivation activation, const FeatureFinish& finish,
                    const TokenRows& tokens, const FactorRowsOut& out, bool raw);

// Queries as attention() reads them: the tokens' factors and the constants of `weights`. Constant b is finished on use,
// as the token at position `start` is the first.
FactorView query_view(const FactorShape& shape, const FactorWeights& weights, const FactorRowsOut& tokens,
                      const FeatureFinish& finish, int64_t start);

// Adds to a view of keys or values in a cache's pages (cached_views) what is not in them: the constants of `weights`,
// and how b is finished on use when it is a constant, or when `raw`.
void complete_view(const FactorShape& shape, const FactorWeights& weights, const FeatureFinish& finish, bool raw,
                   FactorView& view);

// RMSNorm(W x) * weight, the compressed queries of MLA and MFA; [T, rank].
void compress(Context& context, const TokenRows& tokens, const WeightMatrix& down, const float* norm, float* out);

}  // namespace t6
