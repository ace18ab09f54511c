#include "t6/kernels/reference/bfloat_gemm.h"

#include "t6/numbers/half.h"

namespace t6 {
namespace {

double number(const void* numbers, NumberType type, int64_t i) {
  if (type == NumberType::bf16) return float_from_bfloat16(static_cast<const uint16_t*>(numbers)[i]);
  return static_cast<const float*>(numbers)[i];
}

// Number [row, column] of op(matrix), rounded to bfloat16.
double rounded(const MixedMatrix& matrix, int64_t stride, int64_t row, int64_t column) {
  const int64_t i = matrix.transposed ? column * stride + row : row * stride + column;
  return float_from_bfloat16(bfloat16_from_float(static_cast<float>(number(matrix.numbers, matrix.type, i))));
}

}  // namespace

std::vector<double> bfloat_gemm_reference(const BfloatGemm& p) {
  const int64_t a_stride = p.a.stride ? p.a.stride : (p.a.transposed ? p.M : p.K);
  const int64_t b_stride = p.b.stride ? p.b.stride : (p.b.transposed ? p.K : p.N);
  const int64_t c_stride = p.c_stride ? p.c_stride : p.N;
  std::vector<double> c;
  for (int64_t m = 0; m < p.M; ++m) {
    for (int64_t n = 0; n < p.N; ++n) {
      double sum = p.accumulate ? number(p.c, p.c_type, m * c_stride + n) : 0.0;
      for (int64_t k = 0; k < p.K; ++k) sum += rounded(p.a, a_stride, m, k) * rounded(p.b, b_stride, k, n);
      c.push_back(sum);
    }
  }
  return c;
}

}  // namespace t6
