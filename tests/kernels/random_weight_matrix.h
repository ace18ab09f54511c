// Weight matrices of every type with random numbers, for tests of what multiplies by them.
#pragma once

#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "t6/core/random.h"
#include "t6/kernels/weight_matrix.h"
#include "t6/numbers/half.h"
#include "tests/context.h"

namespace t6 {

// The float16s of blocks of a K type: {offset, the largest number that makes numbers of about 1}.
inline std::vector<std::pair<size_t, float>> super_block_halves(NumberType type) {
  switch (type) {
    case NumberType::q2_k:
      return {{80, 1.0f / 45}, {82, 1.0f / 15}};
    case NumberType::q3_k:
      return {{108, 1.0f / 128}};
    case NumberType::q4_k:
      return {{0, 1.0f / 945}, {2, 1.0f / 63}};
    case NumberType::q5_k:
      return {{0, 1.0f / 1953}, {2, 1.0f / 63}};
    default:  // Q6_K
      return {{208, 1.0f / 4096}};
  }
}
template <typename Number>
void put_super_block_scales(NumberType type, std::vector<std::byte>& bytes, const Number& number) {
  const auto block = static_cast<size_t>(number_type_info(type).block_bytes);
  for (size_t i = 0; i < bytes.size(); i += block) {
    for (const auto& [offset, largest] : super_block_halves(type)) {
      const uint16_t half = float16_from_float(number() * largest);
      std::memcpy(bytes.data() + i + offset, &half, sizeof(half));
    }
  }
}

// Every type that a WeightMatrix may have.
inline std::vector<NumberType> matrix_types() {
  std::vector<NumberType> types;
  for (const NumberType type : kWeightTypes) types.push_back(type);
  for (const NumberType type : kSuperBlockTypes) types.push_back(type);
  return types;
}

// Rows as they are stored, numbers in about [-1, 1].
inline std::vector<std::byte> random_weight_rows(NumberType type, int64_t rows, int64_t columns, uint64_t seed) {
  std::vector<std::byte> bytes(static_cast<size_t>(rows * stored_bytes(type, columns)));
  Random random(seed);
  const auto put = [&](size_t offset, auto value) { std::memcpy(bytes.data() + offset, &value, sizeof(value)); };
  const auto number = [&](double low, double high) {
    return static_cast<float>(low + (high - low) * random.uniform());
  };
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
  const auto block = static_cast<size_t>(number_type_info(type).block_bytes);
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
    case NumberType::q4_1:
      for (size_t i = 0; i < bytes.size(); i += block) {
        put(i, float16_from_float(number(0, 2.0 / 15)));
        put(i + 2, float16_from_float(number(-1, 0)));
      }
      break;
    default:
      put_super_block_scales(type, bytes, [&] { return number(0, 1); });
      break;
  }
  return bytes;
}

inline WeightMatrix random_weight_matrix(NumberType type, int64_t rows, int64_t columns, uint64_t seed) {
  return {test_context(), type, rows, columns, random_weight_rows(type, rows, columns, seed).data()};
}

}  // namespace t6
