// Weights into fewer bits: the slow half of quantization, done once.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"
#include "t6/numbers/weight_type.h"

namespace t6 {

// Stores `count` numbers, whole blocks where the type has them, as `type`, one of kWeightTypes. float16 and bfloat16
// round to nearest even; of Q8_0 the largest magnitude becomes 127; of Q4_1 scale and minimum are those, of some ranges
// that are tried, whose squared error is least. Not finite numbers give numbers that are not finite. Error: another
// type.
void quantize(Context& context, NumberType type, int64_t count, const float* from, void* to);

}  // namespace t6
