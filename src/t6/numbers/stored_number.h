// One number of a row of stored numbers, for loops over a type that is a constant.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "t6/numbers/half.h"
#include "t6/numbers/number_type.h"

namespace t6 {

// Where number i of a row of I4 lies: in a byte, `shift` bits up.
struct NibblePlace {
  explicit constexpr NibblePlace(int64_t i)
      : byte(static_cast<size_t>(i) / 32 * 16 + static_cast<size_t>(i) % 16),
        shift(static_cast<int>(static_cast<size_t>(i) / 16 % 2 * 4)) {}
  size_t byte;
  int shift;
};

// Number i of a row as float32; integers stand for themselves. Any alignment.
template <NumberType kType>
float load_number(const std::byte* row, int64_t i) {
  if constexpr (kType == NumberType::i4) {
    const NibblePlace place(i);
    return static_cast<float>(((std::to_integer<int>(row[place.byte]) >> place.shift & 15) ^ 8) - 8);
  } else if constexpr (kType == NumberType::i8) {
    return static_cast<float>(std::to_integer<int8_t>(row[i]));
  } else if constexpr (kType == NumberType::f32) {
    float value;
    std::memcpy(&value, row + i * int64_t{sizeof(value)}, sizeof(value));
    return value;
  } else {
    static_assert(kType == NumberType::bf16 || kType == NumberType::f16);
    uint16_t bits;
    std::memcpy(&bits, row + i * int64_t{sizeof(bits)}, sizeof(bits));
    return kType == NumberType::bf16 ? float_from_bfloat16(bits) : float_from_float16(bits);
  }
}

// Writes number i, rounded to the nearest, to even where two are; of an integer that is too large the low bits.
template <NumberType kType>
void store_number(float value, std::byte* row, int64_t i) {
  if constexpr (kType == NumberType::i4) {
    const NibblePlace place(i);
    const auto others = row[place.byte] & static_cast<std::byte>(0xF0 >> place.shift);
    row[place.byte] = others | static_cast<std::byte>((std::lrint(value) & 15) << place.shift);
  } else if constexpr (kType == NumberType::i8) {
    row[i] = static_cast<std::byte>(std::lrint(value));
  } else if constexpr (kType == NumberType::f32) {
    std::memcpy(row + i * int64_t{sizeof(value)}, &value, sizeof(value));
  } else {
    static_assert(kType == NumberType::bf16 || kType == NumberType::f16);
    const uint16_t bits = kType == NumberType::bf16 ? bfloat16_from_float(value) : float16_from_float(value);
    std::memcpy(row + i * int64_t{sizeof(bits)}, &bits, sizeof(bits));
  }
}

}  // namespace t6
