// The types of numbers that a weight matrix may have: floats, or blocks of small integers along a row.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "t6/numbers/number_type.h"

namespace t6 {

inline constexpr NumberType kWeightTypes[] = {NumberType::f32, NumberType::bf16, NumberType::f16, NumberType::q8_0,
                                              NumberType::q4_1};

// GGUF's K types: what a model that comes with them is multiplied by, as they are. T6 makes none.
inline constexpr NumberType kSuperBlockTypes[] = {NumberType::q2_k, NumberType::q3_k, NumberType::q4_k,
                                                  NumberType::q5_k, NumberType::q6_k};

constexpr int64_t kWeightBlock = 32;  // numbers along a row that share a scale, where a weight type has blocks

constexpr bool is_weight_type(NumberType type) {
  for (const NumberType known : kWeightTypes) {
    if (known == type) return true;
  }
  return false;
}

// 256 numbers along a row share a scale, and groups of 32 or 16 of these have smaller ones.
constexpr bool has_super_blocks(NumberType type) {
  for (const NumberType known : kSuperBlockTypes) {
    if (known == type) return true;
  }
  return false;
}

// What a WeightMatrix may be of: kWeightTypes and kSuperBlockTypes.
constexpr bool is_matrix_type(NumberType type) { return is_weight_type(type) || has_super_blocks(type); }

// F32, BF16 or F16.
constexpr bool is_float_weight(NumberType type) { return is_weight_type(type) && !has_blocks(type); }

// Error: not one of kWeightTypes.
void require_weight_type(NumberType type);
// Error: not is_matrix_type().
void require_matrix_type(NumberType type);

// As our files and flags spell it: "f32", "bf16", "f16", "q8" for Q8_0, "q4" for Q4_1. Error: not a weight type.
std::string_view weight_type_name(NumberType type);
std::optional<NumberType> find_weight_type(std::string_view name);  // nothing when no type has this name

}  // namespace t6
