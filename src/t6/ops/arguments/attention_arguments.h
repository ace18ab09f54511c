// The arguments of the attention operators: checked, and as the kernels take them.
#pragma once

#include <string>
#include <vector>

#include "t6/kernels/attention.h"
#include "t6/ops/attention.h"

namespace t6 {

// Error: a tensor of another type than float32 and bfloat16.
void check_type(const char* op, const char* name, const torch::Tensor& tensor);

// Error: factors of another type or shape than [B, T, R, heads] and [B, T, R, any], with B and T of `like`.
void check_factors(const char* op, const std::string& name, const AttentionFactors& factors, int64_t heads,
                   const torch::Tensor& like);
// Rows are float32 and lie without gaps from here on: what was otherwise is copied.
void pack(AttentionFactors& factors);
// The kernel's view of a sequence of packed factors. Valid while the tensors live.
FactorView view_of(const AttentionFactors& factors, int64_t sequence);

struct AttentionArguments {
  AttentionFactors q, k, v;
  int64_t heads = 0;  // as given: 0 stands for head_count()
  AttentionScales scales;
  AttentionWindow window;
  bool bfloats = false;  // after pack(): whether all feature factors were BFloat16, and products are faster so, too

  // The heads that were given, or else those of the first head factors that there are, or else one a rank of the
  // queries.
  int64_t head_count() const;

  // Error: `name` of the operator, the argument, what it is and what it must be.
  void check(const char* name) const;
  void pack();  // all factors

  // The kernel's view of each sequence, without output. Valid while the tensors live; after pack().
  std::vector<Attention> sequences() const;
};

}  // namespace t6
