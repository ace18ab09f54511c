// Random numbers that are the same on every machine: std:: distributions are not.
#pragma once

#include <cstdint>

namespace t6 {

// SplitMix64 (Steele, Lea, Flood 2014): one multiply-xorshift of a counter, so any position can be had
// directly.
inline uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0) : state_(mix64(seed) ^ mix64(~stream)) {}

  uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15ull); }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  // in [0, 1)
  // In [0, bound), bound > 0. The bias of the multiply is below bound / 2^64.
  uint64_t below(uint64_t bound) { return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64); }

 private:
  __extension__ using Wide = unsigned __int128;
  uint64_t state_;
};

}  // namespace t6
