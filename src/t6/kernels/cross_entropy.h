// The loss of a language model and its gradient, from logits that nobody needs afterwards.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"

namespace t6 {

// For each row with a target: -log softmax(logits)[target]. Rows without one (target -1) count nothing.
struct CrossEntropy {
  float* logits = nullptr;  // [rows, classes], written over
  const int64_t* targets = nullptr;
  int64_t rows = 0, classes = 0;
  // Logits become the gradient of scale times the sum of the losses: scale (softmax - [class is target]), 0 in rows
  // without a target. 0: they become anything.
  float scale = 0;
  // The gradient is bfloat16: `classes` such numbers where each row begins.
  bool bfloat_gradient = false;
};

// The sum of the losses in nats, the same for any number of threads.
double cross_entropy(Context& context, const CrossEntropy& arguments);

}  // namespace t6
