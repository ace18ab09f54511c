// Activations as blocks of small integers, for products with quantized weights.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"
#include "t6/numbers/weight_type.h"

namespace t6 {

// 32 neighbouring activations, x[i] = scale * values[i] to the nearest. The sums are what products with what was added
// to values and with minima need.
struct ActivationBlock {
  int8_t values[kWeightBlock];  // in [-127, 127]
  float scale;                  // largest magnitude / 127; NaN when a number is infinite or NaN
  float sum;                    // of values
  int32_t offset;               // -128 * sum
  float half_sums[2];           // of the first and of the last 16 values
};

// Rows of `columns` numbers, a multiple of kWeightBlock, `stride` apart, as [rows, columns / 32] blocks.
void quantize_activations(Context& context, const float* x, int64_t rows, int64_t columns, int64_t stride,
                          ActivationBlock* out);

}  // namespace t6
