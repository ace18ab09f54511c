// Integer division and multiples, rounded up; numbers are positive or zero.
#pragma once

#include <cstdint>

namespace t6 {

constexpr int64_t divide_up(int64_t count, int64_t step) { return (count + step - 1) / step; }
constexpr int64_t round_up(int64_t count, int64_t step) { return divide_up(count, step) * step; }

// `count` divided into blocks of one size, whole steps of at most `most`, instead of the largest ones and a rest.
constexpr int64_t even_block(int64_t count, int64_t most, int64_t step) {
  return round_up(divide_up(count, divide_up(count, most)), step);
}

}  // namespace t6
