#include "t6/kernels/reference/matmul.h"

#include <algorithm>

#include "t6/kernels/linear/activations.h"
#include "t6/numbers/half.h"

namespace t6 {
namespace {

float rounded(float number) { return float_from_bfloat16(bfloat16_from_float(number)); }

std::vector<double> row_of_x(const Matmul& p, int64_t t) {
  const int64_t K = p.w->columns();
  const float* x = p.x + t * (p.x_stride ? p.x_stride : K);
  std::vector<double> row(x, x + K);
  if (multiplies_bfloats(p)) {
    std::transform(x, x + K, row.begin(), rounded);
    return row;
  }
  if (!has_blocks(p.w->type())) return row;
  std::vector<ActivationBlock> blocks(static_cast<size_t>(K / kWeightBlock));
  Context context(1);
  quantize_activations(context, x, 1, K, K, blocks.data());
  for (size_t k = 0; k < row.size(); ++k) {
    const ActivationBlock& block = blocks[k / kWeightBlock];
    row[k] = double{block.scale} * block.values[k % kWeightBlock];
  }
  return row;
}

}  // namespace

std::vector<double> matmul_reference(const Matmul& p) {
  const int64_t N = p.w->rows(), y_stride = p.y_stride ? p.y_stride : N;
  std::vector<float> weights(static_cast<size_t>(p.w->columns()));
  std::vector<double> y(static_cast<size_t>(p.T * N));
  for (int64_t t = 0; t < p.T; ++t) {
    const std::vector<double> x = row_of_x(p, t);
    for (int64_t n = 0; n < N; ++n) {
      p.w->copy_row(n, weights.data());
      if (multiplies_bfloats(p)) std::transform(weights.begin(), weights.end(), weights.begin(), rounded);
      double sum = (p.accumulate ? p.y[t * y_stride + n] : 0.0) + (p.bias ? p.bias[n] : 0.0);
      for (size_t k = 0; k < x.size(); ++k) sum += x[k] * weights[k];
      y[static_cast<size_t>(t * N + n)] = sum;
    }
  }
  return y;
}

}  // namespace t6
