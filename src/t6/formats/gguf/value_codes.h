// Codes of value types in a GGUF file.
#pragma once

#include <cstdint>

namespace t6::gguf {

enum Code : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

}  // namespace t6::gguf
