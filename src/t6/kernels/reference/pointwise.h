// The kernels once more, slow and readable, in double precision: what the fast ones are tested against.
#pragma once

#include <vector>

#include "t6/kernels/pointwise.h"

namespace t6 {

// What out holds after rms_norm(), [rows, width].
std::vector<double> rms_norm_reference(const RmsNorm& norm);

}  // namespace t6
