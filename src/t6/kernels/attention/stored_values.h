// Rows of numbers as a cache stores them, as the arguments of products.
#pragma once

#include <cstddef>
#include <cstdint>

#include "t6/numbers/cache_type.h"

namespace t6 {

// Times a scale for each of 64 lanes (null: 1). Rows are whole blocks of the type.
struct StoredValues {
  StoredValues(const float* numbers = nullptr) : at(reinterpret_cast<const std::byte*>(numbers)) {}
  StoredValues(NumberType stored_as, const std::byte* numbers, const float* lane_scales = nullptr)
      : at(numbers), type(stored_as), scales(lane_scales) {}

  explicit operator bool() const { return at != nullptr; }
  // From row i on, where a row is `numbers` long.
  StoredValues from_row(int64_t i, int64_t numbers) const {
    return {type, at + i * stored_bytes(type, numbers), scales};
  }

  const std::byte* at;
  NumberType type = NumberType::f32;
  const float* scales = nullptr;
};

}  // namespace t6
