// Integer division and multiples, rounded up; numbers are positive or zero.
#pragma once

#include <cstdint>

namespace t6 {

constexpr int64_t divide_up(int64_t count, int64_t step) { return (count + step - 1) / step; }
constexpr int64_t round_up(int64_t count, int64_t step) { return divide_up(count, step) * step; }

}  // namespace t6
