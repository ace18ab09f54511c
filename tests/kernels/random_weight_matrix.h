// Weight matrices of every type with random numbers, for tests of what multiplies by them.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include "t6/core/random.h"
#include "t6/kernels/weight_matrix.h"
#include "t6/numbers/half.h"
#include "tests/context.h"

namespace t6 {

// Rows as they are stored, numbers in about [-1, 1].
inline std::vector<std::byte> random_weight_rows(NumberType type, int64_t rows, int64_t columns, uint64_t seed) {
  std::vector<std::byte> bytes(static_cast<size_t>(rows * stored_bytes(type, columns)));
  Random random(seed);
  const auto put = [&](size_t offset, auto value) { std::memcpy(bytes.data() + offset, &value, sizeof(value)); };
  const auto number = [&](double low, double high) {
    return static_cast<float>(low + (high - low) * random.uniform());
  };
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
  const size_t block = has_blocks(type) ? static_cast<size_t>(stored_bytes(type, kWeightBlock)) : 0;
  switch (type) {
    case NumberType::f32:
      for (size_t i = 0; i < bytes.size(); i += 4) put(i, number(-1, 1));
      break;
    case NumberType::bf16:
      for (size_t i = 0; i < bytes.size(); i += 2) put(i, bfloat16_from_float(number(-1, 1)));
      break;
    case NumberType::f16:
      for (size_t i = 0; i < bytes.size(); i += 2) put(i, float16_from_float(number(-1, 1)));
      break;
    case NumberType::q8_0:
      for (size_t i = 0; i < bytes.size(); i += block) put(i, float16_from_float(number(0, 1.0 / 128)));
      break;
    default:  // Q4_1
      for (size_t i = 0; i < bytes.size(); i += block) {
        put(i, float16_from_float(number(0, 2.0 / 15)));
        put(i + 2, float16_from_float(number(-1, 0)));
      }
      break;
  }
  return bytes;
}

inline WeightMatrix random_weight_matrix(NumberType type, int64_t rows, int64_t columns, uint64_t seed) {
  return {test_context(), type, rows, columns, random_weight_rows(type, rows, columns, seed).data()};
}

}  // namespace t6
