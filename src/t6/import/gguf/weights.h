// GGUF's ways to store numbers, turned into the ones that T6 multiplies with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "t6/kernels/context.h"
#include "t6/numbers/weight_type.h"

namespace t6 {

// The weight type as which T6 writes a type that GGUF has:
//   F32, F16, BF16, Q8_0 and Q4_1: the same bytes.
//   Q4_0 as Q4_1: the same numbers, the minimum being -8 times the scale.
//   Q4_K as Q4_1: scale and minimum of each 32 numbers are products that are rounded to float16, by 1/2048 at most.
//   Q5_0, Q5_1, the other K types, the IQ and TQ types and MXFP4 as Q8_0: rounded to 1/254 of the largest of 32 numbers
//   at most.
// Error: any other type.
NumberType weight_type_of(NumberType type);

// What weight_matrix() makes of a type that GGUF has: the K types stay as they are, others are as above.
NumberType matrix_type_of(NumberType type);

// Converts whole rows, `columns` numbers each, to weight_type_of(type). `to` has room for them. Error: a scale that
// float16 cannot hold.
void convert_weights(Context& context, NumberType type, std::span<const std::byte> from, int64_t columns,
                     std::span<std::byte> to);

}  // namespace t6
