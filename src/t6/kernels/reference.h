// The kernels once more, slow and readable, in double precision: what the fast ones are tested against.
#pragma once

#include <vector>

#include "t6/kernels/attention.h"
#include "t6/kernels/matmul.h"
#include "t6/kernels/pointwise.h"

namespace t6 {

// What y holds after matmul(), [T, N].
std::vector<double> matmul_reference(const Matmul& product);

// What out holds after rms_norm(), [rows, width].
std::vector<double> rms_norm_reference(const RmsNorm& norm);

// b as it multiplies: rows [R, D] of one token of the view, with everything done that is left to do on use.
std::vector<double> feature_rows_reference(const FactorView& view, int64_t token);

// The product sum_r a_r (outer) b_r of one token of the view, [H, D]: what no kernel ever forms.
std::vector<double> materialize_reference(const FactorView& view, int64_t heads, int64_t token);

// What out holds after attention(), [T, H, E]: softmax over materialised queries, keys and values.
std::vector<double> attention_reference(const Attention& arguments);

}  // namespace t6
