// The random choices of Python's `random` module, number for number: which shots the harness draws depends on them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace t6 {

// random.Random(seed): the Mersenne Twister MT19937, seeded as Python seeds it with an integer.
class PythonRandom {
 public:
  explicit PythonRandom(uint32_t seed);

  uint64_t below(uint64_t count);                         // randrange(count), count from 1 to 2^32
  std::vector<size_t> sample(size_t count, size_t size);  // sample(range(count), size), size <= count

 private:
  uint32_t next();
  void twist();

  std::array<uint32_t, 624> state_;
  size_t used_ = 624;
};

}  // namespace t6
