// The matrix product once more, slow and readable, in double precision.
#pragma once

#include <vector>

#include "t6/kernels/gemm.h"

namespace t6 {

// What C holds after gemm(), [M, N] without gaps.
std::vector<double> gemm_reference(const Gemm& product);

}  // namespace t6
