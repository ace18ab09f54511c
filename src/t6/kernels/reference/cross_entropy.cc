#include "t6/kernels/reference/cross_entropy.h"

#include <algorithm>
#include <cmath>

namespace t6 {

CrossEntropyResult cross_entropy_reference(const CrossEntropy& p) {
  CrossEntropyResult result;
  for (int64_t row = 0; row < p.rows; ++row) {
    const float* logits = p.logits + row * p.classes;
    const int64_t target = p.targets[row];
    const double largest = *std::max_element(logits, logits + p.classes);
    double sum = 0;
    for (int64_t i = 0; i < p.classes; ++i) sum += std::exp(logits[i] - largest);
    if (target >= 0) result.loss += largest + std::log(sum) - logits[target];
    for (int64_t i = 0; i < p.classes; ++i) {
      const double probability = std::exp(logits[i] - largest) / sum;
      result.gradients.push_back(target < 0 ? 0.0 : p.scale * (probability - (i == target)));
    }
  }
  return result;
}

}  // namespace t6
