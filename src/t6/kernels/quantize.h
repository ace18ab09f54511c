// Numbers as blocks of small integers: activations, for products with quantized weights, and the weights themselves.
#pragma once

#include <cstdint>

#include "t6/kernels/weight_type.h"

namespace t6 {

// 32 neighbouring activations, x[i] = scale * values[i] to the nearest. The sums are what products with values + 128
// and with minima need.
struct ActivationBlock {
  int8_t values[kWeightBlock];  // in [-127, 127]
  float scale;                  // largest magnitude / 127; NaN when a number is infinite or none
  float sum;                    // of values
  int32_t offset;               // -128 * sum
};

// Rows of `columns` numbers, a multiple of kWeightBlock, `stride` apart, as [rows, columns / 32] blocks.
void quantize_activations(const float* x, int64_t rows, int64_t columns, int64_t stride, ActivationBlock* out);

// `count` stored numbers, whole blocks where the type has them, as float32. Any alignment.
void dequantize(WeightType type, int64_t count, const void* from, float* to);

}  // namespace t6
