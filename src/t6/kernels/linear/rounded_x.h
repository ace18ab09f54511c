// x of a product as tiles of bfloat16 numbers.
#pragma once

#include <cstdint>

#include "t6/kernels/context.h"

namespace t6 {

// T rows of K numbers, a multiple of 32, which begin `stride` apart: [T / 32, K / 32, 32, 32], in memory of the context
// until the next call. Rows past T hold anything. Precondition: has_bfloat_tile().
const uint16_t* rounded_x(Context& context, const float* x, int64_t T, int64_t K, int64_t stride);

}  // namespace t6
