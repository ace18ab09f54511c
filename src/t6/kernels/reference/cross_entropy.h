// The loss of a language model once more, slow and readable, in double precision.
#pragma once

#include <vector>

#include "t6/kernels/cross_entropy.h"

namespace t6 {

struct CrossEntropyResult {
  double loss = 0;
  std::vector<double> gradients;  // [rows, classes]
};

// What cross_entropy() returns and leaves in logits. Writes nothing.
CrossEntropyResult cross_entropy_reference(const CrossEntropy& arguments);

}  // namespace t6
