// matmul() once more, slow and readable, in double precision.
#pragma once

#include <vector>

#include "t6/kernels/matmul.h"

namespace t6 {

// What y holds after matmul(), [T, N]. For quantized weights x is taken as quantize_activations() leaves it;
// where multiplies_bfloats(), both are rounded.
std::vector<double> matmul_reference(const Matmul& product);

}  // namespace t6
