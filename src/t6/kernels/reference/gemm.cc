#include "t6/kernels/reference/gemm.h"

namespace t6 {

std::vector<double> gemm_reference(const Gemm& p) {
  const int64_t a_stride = p.a_stride ? p.a_stride : (p.transpose_a ? p.M : p.K);
  const int64_t b_stride = p.b_stride ? p.b_stride : (p.transpose_b ? p.K : p.N);
  const int64_t c_stride = p.c_stride ? p.c_stride : p.N;
  std::vector<double> c;
  for (int64_t m = 0; m < p.M; ++m) {
    for (int64_t n = 0; n < p.N; ++n) {
      double sum = p.accumulate ? p.c[m * c_stride + n] : 0.0;
      for (int64_t k = 0; k < p.K; ++k) {
        const double a = p.transpose_a ? p.a[k * a_stride + m] : p.a[m * a_stride + k];
        sum += a * (p.transpose_b ? p.b[n * b_stride + k] : p.b[k * b_stride + n]);
      }
      c.push_back(sum);
    }
  }
  return c;
}

}  // namespace t6
