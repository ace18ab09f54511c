// One vector for a text, of the hidden states of its tokens.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace t6 {

enum class Pooling { mean, last };

class PooledStates {
 public:
  PooledStates(Pooling pooling, int64_t width) : pooling_(pooling), sum_(static_cast<size_t>(width)) {}

  // Rows [tokens, width], in order.
  void add(std::span<const float> rows);
  // [width], of length 1; zeros stay zeros.
  std::vector<float> vector() const;

 private:
  Pooling pooling_;
  std::vector<double> sum_;  // of all rows, or the last one
};

// The numbers' bytes, the least significant one first.
std::string base64(std::span<const float> numbers);

}  // namespace t6
