// Stored numbers as float32.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "t6/numbers/tensor_view.h"

namespace t6 {

// Reads out.size() numbers from `bytes`, whole blocks where the type has them, at any alignment. Errors: as many
// numbers are not as many bytes; a type other than F32, BF16, F16 and GGUF's blocks.
void dequantize(NumberType type, std::span<const std::byte> bytes, std::span<float> out);

// All numbers of a tensor, whose bytes are those of its shape. Errors: the same.
std::vector<float> dequantize(const TensorView& tensor);

}  // namespace t6
