// General matrix products, float32: what training spends its time in.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"

namespace t6 {

// C = op(A) op(B), or C += op(A) op(B), row-major; op is the matrix as it is or transposed. C overlaps neither A nor B.
struct Gemm {
  const float* a = nullptr;  // [M, K]; [K, M] when transposed
  const float* b = nullptr;  // [K, N]; [N, K] when transposed
  float* c = nullptr;        // [M, N]
  int64_t M = 0, N = 0, K = 0;
  int64_t a_stride = 0, b_stride = 0, c_stride = 0;  // numbers from one row to the next; 0: rows lie side by side
  bool transpose_a = false, transpose_b = false;
  bool accumulate = false;  // add to C
};

// On up to context.thread_count() threads. An element of C depends on its row of op(A), its column of op(B) and K
// alone: the bits are the same whatever matrix it is part of and however many threads there are.
void gemm(Context& context, const Gemm& product);

}  // namespace t6
