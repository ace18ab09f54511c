// Parameters as the numbers that are stored and multiplied: tensors of kWeightTypes.
#pragma once

#include <string>

#include "t6/numbers/tensor_view.h"
#include "t6/numbers/weight_type.h"

namespace t6 {

// Error: not of a weight type, or the bytes are not those of the shape, or a quantized tensor is not a matrix with rows
// of whole blocks; `source` begins the message.
void check_bytes(const TensorView& tensor, const std::string& source);
// The same of a tensor of any type.
void check_stored_bytes(const TensorView& tensor, const std::string& source);

}  // namespace t6
