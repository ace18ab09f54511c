// General matrix products in bfloat16 with float32 sums: training in mixed precision.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"
#include "t6/numbers/number_type.h"

namespace t6 {

// A matrix of float32 or bfloat16 numbers, row-major.
struct MixedMatrix {
  const void* numbers = nullptr;
  NumberType type = NumberType::bf16;  // or f32: rounded to bfloat16 where it is multiplied
  int64_t stride = 0;                  // numbers from one row to the next; 0: rows lie side by side
  bool transposed = false;             // the matrix that is multiplied is this one's transpose
};

// C = op(A) op(B), or C += op(A) op(B). C overlaps neither A nor B.
struct BfloatGemm {
  MixedMatrix a;                         // [M, K]; [K, M] when transposed
  MixedMatrix b;                         // [K, N]; [N, K] when transposed
  void* c = nullptr;                     // [M, N]
  NumberType c_type = NumberType::bf16;  // or f32
  int64_t c_stride = 0;
  int64_t M = 0, N = 0, K = 0;
  bool accumulate = false;  // add to C, of float32 alone
};

// On up to context.thread_count() threads. An element of C depends on its row of op(A), its column of op(B), K, the
// type of C and the machine alone: the bits are the same whatever matrix it is part of and however many threads there
// are. Machines without bfloat16 products multiply the rounded numbers in float32, which differs in the order of the
// sums. Errors: another type, accumulation in bfloat16, a T6_MATRIX_TILES that is not "off".
void bfloat_gemm(Context& context, const BfloatGemm& product);

// Whether this processor has instructions for bfloat16 products that bfloat_gemm() uses.
bool has_bfloat_products();

}  // namespace t6
