// What a stored number is: every type of number that T6 reads, writes or multiplies by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "t6/core/rounding.h"

namespace t6 {

enum class NumberType : uint8_t {
  f64,
  f32,
  bf16,
  f16,
  i64,
  i32,
  i16,
  i8,
  i4,
  u64,
  u32,
  u16,
  u8,
  boolean,
  q8_0,  // GGUF's blocks: numbers/blocks.h
  q6_k,
  q5_0,
  q5_1,
  q5_k,
  q4_0,
  q4_1,
  q4_k,
  q2_k,
  q3_k,
  iq4_nl,
  iq4_xs,
  mxfp4,
  iq3_s,
  iq3_xxs,
  iq2_s,
  iq2_xs,
  iq2_xxs,
  iq1_s,
  iq1_m,
  tq1_0,
  tq2_0
};

struct NumberTypeInfo {
  NumberType type;
  std::string_view name;  // as safetensors or GGUF spells it
  int64_t block_numbers;  // neighbours along a row that are stored together; 1: each by itself
  int64_t block_bytes;
};

// In the order of NumberType. I4 is signed integers: byte j of a block holds number j in its low half and number 16 + j
// in its high half.
inline constexpr auto kNumberTypes = std::to_array<NumberTypeInfo>({{NumberType::f64, "F64", 1, 8},
                                                                    {NumberType::f32, "F32", 1, 4},
                                                                    {NumberType::bf16, "BF16", 1, 2},
                                                                    {NumberType::f16, "F16", 1, 2},
                                                                    {NumberType::i64, "I64", 1, 8},
                                                                    {NumberType::i32, "I32", 1, 4},
                                                                    {NumberType::i16, "I16", 1, 2},
                                                                    {NumberType::i8, "I8", 1, 1},
                                                                    {NumberType::i4, "I4", 32, 16},
                                                                    {NumberType::u64, "U64", 1, 8},
                                                                    {NumberType::u32, "U32", 1, 4},
                                                                    {NumberType::u16, "U16", 1, 2},
                                                                    {NumberType::u8, "U8", 1, 1},
                                                                    {NumberType::boolean, "BOOL", 1, 1},
                                                                    {NumberType::q8_0, "Q8_0", 32, 34},
                                                                    {NumberType::q6_k, "Q6_K", 256, 210},
                                                                    {NumberType::q5_0, "Q5_0", 32, 22},
                                                                    {NumberType::q5_1, "Q5_1", 32, 24},
                                                                    {NumberType::q5_k, "Q5_K", 256, 176},
                                                                    {NumberType::q4_0, "Q4_0", 32, 18},
                                                                    {NumberType::q4_1, "Q4_1", 32, 20},
                                                                    {NumberType::q4_k, "Q4_K", 256, 144},
                                                                    {NumberType::q2_k, "Q2_K", 256, 84},
                                                                    {NumberType::q3_k, "Q3_K", 256, 110},
                                                                    {NumberType::iq4_nl, "IQ4_NL", 32, 18},
                                                                    {NumberType::iq4_xs, "IQ4_XS", 256, 136},
                                                                    {NumberType::mxfp4, "MXFP4", 32, 17},
                                                                    {NumberType::iq3_s, "IQ3_S", 256, 110},
                                                                    {NumberType::iq3_xxs, "IQ3_XXS", 256, 98},
                                                                    {NumberType::iq2_s, "IQ2_S", 256, 82},
                                                                    {NumberType::iq2_xs, "IQ2_XS", 256, 74},
                                                                    {NumberType::iq2_xxs, "IQ2_XXS", 256, 66},
                                                                    {NumberType::iq1_s, "IQ1_S", 256, 50},
                                                                    {NumberType::iq1_m, "IQ1_M", 256, 56},
                                                                    {NumberType::tq1_0, "TQ1_0", 256, 54},
                                                                    {NumberType::tq2_0, "TQ2_0", 256, 66}});

constexpr const NumberTypeInfo& number_type_info(NumberType type) { return kNumberTypes[static_cast<size_t>(type)]; }
constexpr std::string_view number_type_name(NumberType type) { return number_type_info(type).name; }
constexpr bool has_blocks(NumberType type) { return number_type_info(type).block_numbers > 1; }

// Bytes of a row of numbers, whole blocks: numbers that are missing in the last one are room that is not used.
constexpr int64_t stored_bytes(NumberType type, int64_t numbers) {
  const NumberTypeInfo& info = number_type_info(type);
  return (info.block_numbers == 1 ? numbers : divide_up(numbers, info.block_numbers)) * info.block_bytes;
}

// The one of `types` that has this name; nothing when none has.
std::optional<NumberType> find_number_type(std::string_view name, std::span<const NumberType> types);

// "F32, F16, Q4_K": for messages.
std::string number_type_names(std::span<const NumberType> types);

}  // namespace t6
