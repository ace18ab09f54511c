// The functions of bfloat16 rows once more, slow and readable, in double precision and without rounding of results.
#pragma once

#include <vector>

#include "t6/kernels/bfloat_pointwise.h"

namespace t6 {

struct NormReference {
  std::vector<double> normed, out, factors;
};
NormReference bfloat_rms_norm_reference(const BfloatRmsNorm& norm);
std::vector<double> bfloat_rms_norm_backward_reference(const BfloatRmsNormBackward& norm);

struct GateReference {
  std::vector<double> out, d_gate, d_up;
};
GateReference bfloat_gate_reference(const BfloatGate& x, const uint16_t* d_out);

std::vector<double> bfloat_rotate_reference(const BfloatRotation& rotation);

}  // namespace t6
