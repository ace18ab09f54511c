// The matrix product in bfloat16 once more, slow and readable, with sums in double precision.
#pragma once

#include <vector>

#include "t6/kernels/bfloat_gemm.h"

namespace t6 {

// What C holds after bfloat_gemm() but for its rounding, [M, N] without gaps.
std::vector<double> bfloat_gemm_reference(const BfloatGemm& product);

}  // namespace t6
