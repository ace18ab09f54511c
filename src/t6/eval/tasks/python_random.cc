#include "t6/eval/tasks/python_random.h"

#include <bit>
#include <numeric>
#include <unordered_set>

namespace t6 {
namespace {

constexpr size_t kSize = 624, kShift = 397;  // of MT19937

// Where a set of what was taken is smaller than a list of what is left, by Python's estimate.
size_t list_limit(size_t size) {
  size_t limit = 21;
  if (size <= 5) return limit;
  size_t power = 1;
  while (power < size * 3) power *= 4;
  return limit + power;
}

}  // namespace

// init_by_array() of the generator's authors, with the seed as an array of one number.
PythonRandom::PythonRandom(uint32_t seed) {
  state_[0] = 19650218;
  for (uint32_t i = 1; i < kSize; ++i) state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  size_t i = 1;
  const auto advance = [&] {
    if (++i < kSize) return;
    state_[0] = state_[kSize - 1];
    i = 1;
  };
  const auto mixed = [&](uint32_t factor) { return state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * factor); };
  for (size_t k = 0; k < kSize; ++k, advance()) state_[i] = mixed(1664525u) + seed;
  for (size_t k = 0; k + 1 < kSize; ++k, advance()) state_[i] = mixed(1566083941u) - static_cast<uint32_t>(i);
  state_[0] = 0x80000000u;
}

void PythonRandom::twist() {
  for (size_t i = 0; i < kSize; ++i) {
    const uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % kSize] & 0x7fffffffu);
    state_[i] = state_[(i + kShift) % kSize] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
  }
  used_ = 0;
}

uint32_t PythonRandom::next() {
  if (used_ == kSize) twist();
  uint32_t y = state_[used_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

uint64_t PythonRandom::below(uint64_t count) {
  const int bits = std::bit_width(count);  // of count, not of count - 1: a power of two takes a bit more
  const auto draw = [&]() -> uint64_t {
    if (bits <= 32) return next() >> (32 - bits);
    const uint64_t low = next();
    return low | (uint64_t{next()} >> (64 - bits)) << 32;
  };
  uint64_t drawn = draw();
  while (drawn >= count) drawn = draw();
  return drawn;
}

std::vector<size_t> PythonRandom::sample(size_t count, size_t size) {
  std::vector<size_t> result;
  if (count <= list_limit(size)) {
    std::vector<size_t> left(count);
    std::iota(left.begin(), left.end(), size_t{0});
    for (size_t i = 0; i < size; ++i) {
      const size_t at = below(count - i);
      result.push_back(left[at]);
      left[at] = left[count - i - 1];
    }
    return result;
  }
  std::unordered_set<size_t> taken;
  while (result.size() < size) {
    const size_t drawn = below(count);
    if (taken.insert(drawn).second) result.push_back(drawn);
  }
  return result;
}

}  // namespace t6
