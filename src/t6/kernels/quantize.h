// Numbers as blocks of small integers: activations, for products with quantized weights, and the weights themselves.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"
#include "t6/numbers/weight_type.h"

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
void quantize_activations(Context& context, const float* x, int64_t rows, int64_t columns, int64_t stride,
                          ActivationBlock* out);

// Stores `count` numbers, whole blocks where the type has them, as `type`. float16 and
// bfloat16 round to nearest even; of q8 the largest magnitude becomes 127; of q4 scale and minimum are those, of some
// ranges that are tried, whose squared error is least. Not finite numbers give numbers that are not finite.
void quantize(Context& context, WeightType type, int64_t count, const float* from, void* to);

// `count` stored numbers, whole blocks where the type has them, as float32. Any alignment.
void dequantize(WeightType type, int64_t count, const void* from, float* to);

}  // namespace t6
