#include "t6/kernels/reference/pointwise.h"

#include <algorithm>
#include <cmath>

namespace t6 {

std::vector<double> rms_norm_reference(const RmsNorm& p) {
  std::vector<double> out;
  for (int64_t row = 0; row < p.rows; ++row) {
    const float* x = p.x + row * (p.x_stride ? p.x_stride : p.width);
    double squares = 0;
    for (int64_t i = 0; i < p.width; ++i) squares += double{x[i]} * x[i];
    const double factor = 1 / std::sqrt(squares / static_cast<double>(p.width) + p.epsilon);
    const float* before = p.out + row * (p.out_stride ? p.out_stride : p.width);
    for (int64_t i = 0; i < p.width; ++i) {
      out.push_back(x[i] * factor * (p.weight ? p.weight[i] : 1.0) + (p.accumulate ? before[i] : 0.0f));
    }
  }
  return out;
}

}  // namespace t6
