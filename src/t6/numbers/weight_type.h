// How the numbers of a weight matrix are stored: floats, or blocks of 32 small integers along a row.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace t6 {

enum class WeightType { f32, bf16, f16, q8, q4 };
inline constexpr WeightType kWeightTypes[] = {WeightType::f32, WeightType::bf16, WeightType::f16, WeightType::q8,
                                              WeightType::q4};

std::string_view weight_type_name(WeightType type);                 // "q4"
std::optional<WeightType> find_weight_type(std::string_view name);  // nothing when no type has this name

constexpr int64_t kWeightBlock = 32;  // numbers along a row that share a scale

// w[i] = scale * values[i]. The bytes of GGUF's Q8_0.
struct BlockQ8 {
  uint16_t scale;  // float16
  int8_t values[kWeightBlock];
};
static_assert(sizeof(BlockQ8) == 34);

// w[i] = scale * nibble(i) + minimum; nibble i is the low half of values[i], nibble 16 + i the high half. The bytes of
// GGUF's Q4_1.
struct BlockQ4 {
  uint16_t scale, minimum;  // float16
  uint8_t values[kWeightBlock / 2];
};
static_assert(sizeof(BlockQ4) == 20);

constexpr bool has_blocks(WeightType type) { return type == WeightType::q8 || type == WeightType::q4; }

// Bytes of a row of `columns` numbers; for blocks, columns is a multiple of kWeightBlock.
constexpr int64_t weight_row_bytes(WeightType type, int64_t columns) {
  switch (type) {
    case WeightType::f32:
      return columns * 4;
    case WeightType::bf16:
    case WeightType::f16:
      return columns * 2;
    case WeightType::q8:
      return columns / kWeightBlock * int64_t{sizeof(BlockQ8)};
    case WeightType::q4:
      return columns / kWeightBlock * int64_t{sizeof(BlockQ4)};
  }
  return 0;
}

}  // namespace t6
