// How GGUF stores the numbers of a tensor: floats, or blocks along a row with scales of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace t6 {

// The codes are the file format's.
enum class GgufType : uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  bf16 = 30
};

struct GgufTypeInfo {
  GgufType type;
  std::string_view name;  // "Q4_K"
  int64_t numbers;        // of a block; 1 for floats
  int64_t bytes;          // of a block
};

const GgufTypeInfo& gguf_type_info(GgufType type);
// None when T6 does not read the type.
std::optional<GgufType> gguf_type_from_code(uint32_t code);
// Of types that T6 does not read too, for messages; "unknown" when GGUF has no such type.
std::string_view gguf_type_name(uint32_t code);
std::string gguf_types();  // those that T6 reads: "F32, F16, Q4_0, ..."

// Two scales that GGUF's K types pack into six bits each: a number is scale * q - minimum, both times a float16 of the
// whole block.
struct GgufScales {
  uint8_t scale, minimum;
};

// 256 numbers of 4 bits in groups of 32. Byte i of values[32 g ...] holds number i of group 2g in its low half and of
// group 2g + 1 in its high half.
struct GgufBlockQ4K {
  uint16_t scale, minimum;  // float16
  uint8_t scales[12];
  uint8_t values[128];

  GgufScales group(int index) const;  // 0 to 7
};
static_assert(sizeof(GgufBlockQ4K) == 144);

// `bytes` are whole blocks that hold out.size() numbers.
void dequantize(GgufType type, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace t6
