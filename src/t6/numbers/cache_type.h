// The types of numbers that a cache may store.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "t6/numbers/number_type.h"

namespace t6 {

struct CacheType {
  std::string_view name;  // as flags and files spell it
  NumberType type;
  // Of integers, which a bfloat16 scale for each token's factor vector multiplies: they are in [-largest, largest].
  // 0: numbers that stand for themselves.
  int largest;
};
inline constexpr CacheType kCacheTypes[] = {{"float32", NumberType::f32, 0},
                                            {"bfloat16", NumberType::bf16, 0},
                                            {"float16", NumberType::f16, 0},
                                            {"int8", NumberType::i8, 127},
                                            {"int4", NumberType::i4, 7}};
constexpr NumberType kCacheScale = NumberType::bf16;

// The largest integer of a cache's type, or 0: of floats, and of what is no cache's type.
constexpr int largest_integer(NumberType type) {
  for (const CacheType& row : kCacheTypes) {
    if (row.type == type) return row.largest;
  }
  return 0;
}
constexpr bool has_scales(NumberType type) { return largest_integer(type) > 0; }

std::string_view cache_type_name(NumberType type);  // Error: a cache cannot store this type.
std::vector<std::string> cache_type_names();        // of all types
// Error: not one of these names.
NumberType parse_cache_type(std::string_view name);

// Calls run(constant) with `type`, one of kCacheTypes, as a std::integral_constant.
template <size_t kRow = 0, typename Run>
[[gnu::always_inline]] inline void with_cache_type(NumberType type, Run&& run) {
  constexpr NumberType kType = kCacheTypes[kRow].type;
  if constexpr (kRow + 1 < std::size(kCacheTypes)) {
    if (type != kType) return with_cache_type<kRow + 1>(type, std::forward<Run>(run));
  }
  run(std::integral_constant<NumberType, kType>());
}

}  // namespace t6
