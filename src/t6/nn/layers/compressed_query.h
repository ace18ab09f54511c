// Queries through a bottleneck, of MLA and MFA: W_b RMSNorm(W_a x). Registers its three parameters with the names that
// DeepSeek's checkpoints use, directly in the attention module.
#pragma once

#include "t6/nn/layers/linear.h"
#include "t6/nn/layers/norm.h"

namespace t6 {

struct CompressedQuery {
  Linear down{nullptr};  // C to d_q
  Norm norm{nullptr};    // [d_q]
  Linear up{nullptr};    // d_q to H D

  void register_in(torch::nn::Module& owner, int64_t width, int64_t rank, int64_t outputs) {
    down = owner.register_module("q_a_proj", Linear(width, rank));
    norm = owner.register_module("q_a_layernorm", Norm(rank, kLatentEpsilon, true));
    up = owner.register_module("q_b_proj", Linear(rank, outputs));
  }
  torch::Tensor forward(const torch::Tensor& x) { return up->forward(norm->forward(down->forward(x))); }
};

}  // namespace t6
