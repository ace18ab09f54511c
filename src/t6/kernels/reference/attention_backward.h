// The gradient of attention once more, slow and readable, in double precision.
#pragma once

#include <vector>

#include "t6/kernels/attention_backward.h"

namespace t6 {

struct FactorGradients {
  std::vector<double> a;  // [tokens, R, H], empty where grouped
  std::vector<double> b;  // [tokens, R, D]
};

struct AttentionGradients {
  FactorGradients q, k, v;
};

// What attention_backward() writes. Does not look at lse: the softmax is made anew.
AttentionGradients attention_backward_reference(const AttentionBackward& arguments);

}  // namespace t6
