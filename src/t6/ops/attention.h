// Causal attention over factors as operators: neither pass materializes all queries, keys or values, and all that waits
// for the backward pass is the factors themselves, one number per token and head, and, where queries and keys have head
// factors, the output, which the projection after it keeps anyway.
#pragma once

#include <torch/torch.h>

#include <optional>
#include <tuple>

namespace t6 {

// Queries, keys or values as sum_r a_r (outer) b_r. Strides between sequences and tokens are free, 0 of an expanded
// constant among them.
struct AttentionFactors {
  std::optional<torch::Tensor> a;  // [B, T, R, H]; none: head h takes b of rank h / (H / R)
  torch::Tensor b;                 // [B, T, R, D], or E features for values
};

struct AttentionScales {
  double logits = 1;  // of sum a_q a_k <b_q, b_k>
  double values = 1;  // of sum a_v b_v
};

// A query sees the last `window` tokens up to its own, and the first `sinks` of all. 0: every token up to its own.
struct AttentionWindow {
  int64_t window = 0, sinks = 0;
};

// What each query sees of all keys, [length, length] of truth values.
torch::Tensor visible(const AttentionWindow& window, int64_t length, torch::Device device);

// torch.ops.t6.attention: the output [B, T, H, E], of the type of the queries' b, and the float32 log-sum-exp of each
// query's logits [B, T, H]. Factors are float32 or bfloat16, and on the CPU the arithmetic is float32 for both; all
// tokens are queries and keys. The output has gradients, of the first order, by torch.ops.t6.attention_backward; the
// log-sum-exp has none. heads 0: as many as the first `a` there is has, or, without any, as q has ranks. Other devices
// materialize heads in the factors' type for LibTorch's attention, and give NaN in the place of the log-sum-exp.
std::tuple<torch::Tensor, torch::Tensor> attention(const AttentionFactors& q, const AttentionFactors& k,
                                                   const AttentionFactors& v, int64_t heads,
                                                   const AttentionScales& scales, const AttentionWindow& window = {});

}  // namespace t6
