// GGUF's codes for types of numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "t6/numbers/number_type.h"

namespace t6 {

// None when T6 does not read the type.
std::optional<NumberType> gguf_type_from_code(uint32_t code);
// Error: GGUF has no such type.
uint32_t gguf_code_of_type(NumberType type);
// Of types that T6 does not read too, for messages; "unknown" when GGUF has no such type.
std::string_view gguf_type_name(uint32_t code);
std::string gguf_types();  // those that T6 reads: "F32, F16, Q4_0, ..."

}  // namespace t6
