// Products with a weight matrix, float32.
#pragma once

#include <cstdint>

namespace t6 {

// y = x W^T, or y += x W^T. Rows are contiguous; x and y may be columns of wider matrices.
struct Matmul {
  const float* x = nullptr;  // [T, K]
  const float* w = nullptr;  // [N, K], as a linear layer's weight is stored
  float* y = nullptr;        // [T, N]
  int64_t T = 0, N = 0, K = 0;
  int64_t x_stride = 0, y_stride = 0;  // numbers from one row to the next; 0: K and N
  bool accumulate = false;             // add to y
};

// On up to thread_count() threads. A row of y depends on its row of x and on W alone: not on T, not on the
// threads, so that a token decoded alone gives the bits that it gives inside a prompt.
void matmul(const Matmul& product);

}  // namespace t6
