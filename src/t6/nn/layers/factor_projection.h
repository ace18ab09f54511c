// From hidden states to factors: the projection of queries, keys or values of every kind but MLA (equation 3.1).
#pragma once

#include <torch/torch.h>

#include "t6/model/factors.h"
#include "t6/nn/layers/linear.h"
#include "t6/nn/layers/norm.h"
#include "t6/nn/layers/rotary.h"

namespace t6 {

// Queries, keys or values of a batch as a sum of outer products.
struct TensorProduct {
  torch::Tensor a;       // [B, T, R, H] or, constant, [R, H]; undefined: head h takes factor h / (H / R)
  torch::Tensor b;       // [B, T, R, D] or, constant, [R, D] or, constant and rotated, [1, T, R, D]
  double scale = 1;      // 1/R
  torch::Tensor shared;  // b before norm and rotation, for values that share it
};

// scale * sum_r a_r (outer) b_r as [B, T, H, D], or [B, T, R, D] when grouped.
torch::Tensor materialize(const TensorProduct& product, int64_t batch, int64_t length);

class FactorProjectionImpl : public torch::nn::Module {
 public:
  // has_features: false for values that share the keys' b. bias: added to b, of grouped shapes alone.
  FactorProjectionImpl(const FactorShape& shape, HeadActivation activation, int64_t width, bool has_features,
                       bool bias);

  // x [B, T, C]. `norm` (empty: none) and `rotary` (null: none) act on the feature factors, in this order.
  TensorProduct forward(const torch::Tensor& x, Norm norm, Rotary* rotary);
  // Values whose features are the keys': their own head factors with `features`.
  TensorProduct forward_shared(const torch::Tensor& x, const torch::Tensor& features);

 private:
  torch::Tensor head_factors(const torch::Tensor& x);
  torch::Tensor grouped_features(const torch::Tensor& x);  // [B, T, R D]

  FactorShape shape_;
  HeadActivation activation_;
  torch::Tensor weight_;                         // [R D, C], grouped
  torch::Tensor bias_;                           // [R D], grouped
  torch::Tensor constant_a_;                     // [R, H]
  torch::Tensor constant_b_;                     // [R, D]
  Linear a_{nullptr}, b_{nullptr}, c_{nullptr};  // to R H, R d_b, R d_c
};
TORCH_MODULE(FactorProjection);

}  // namespace t6
