// A shuffled order that is a function of its key, so that no list of it is kept.
#pragma once

#include <cstdint>

namespace t6 {

// Where `index` of [0, count) goes in a permutation of these.
uint64_t shuffled(uint64_t index, uint64_t count, uint64_t key);

}  // namespace t6
