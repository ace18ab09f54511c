#include "t6/train/steps/shuffled.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "t6/core/random.h"

namespace t6 {

// A Feistel network over the next power of four, walked until it lands inside, which takes fewer than four rounds on
// average.
uint64_t shuffled(uint64_t index, uint64_t count, uint64_t key) {
  const auto half = std::max(1, (static_cast<int>(std::bit_width(count - 1)) + 1) / 2);
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = index >> half, right = index & mask;
    for (uint64_t round = 0; round < 4; ++round) {
      left = std::exchange(right, left ^ (mix64(key ^ mix64(right ^ (round << 32))) & mask));
    }
    index = (left << half) | right;
  } while (index >= count);
  return index;
}

}  // namespace t6
