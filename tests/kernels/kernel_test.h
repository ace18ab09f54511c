// What the tests of kernels share: random numbers, every instruction set, the error against a reference.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "t6/core/random.h"
#include "t6/core/threads.h"
#include "t6/kernels/linear/matrix_tiles.h"
#include "tests/context.h"

namespace t6 {

inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Numbers in [-1, 1), with NaN after them: a kernel that reads on shows it.
inline std::vector<float> random_floats(int64_t count, uint64_t seed, int64_t after = 40) {
  std::vector<float> numbers(static_cast<size_t>(count + after), kNaN);
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) numbers[static_cast<size_t>(i)] = static_cast<float>(2 * random.uniform() - 1);
  return numbers;
}

// The largest difference, relative to the largest wanted number; NaN when a number is NaN.
inline double largest_error(std::span<const float> got, std::span<const double> wanted) {
  EXPECT_EQ(got.size(), wanted.size());
  double difference = 0, largest = 1e-30;
  for (size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    const double error = std::abs(got[i] - wanted[i]);
    if (std::isnan(error)) return error;
    difference = std::max(difference, error);
    largest = std::max(largest, std::abs(wanted[i]));
  }
  return difference / largest;
}

// Calls body on every instruction set that this machine has and the kernels were compiled for, and where there are
// matrix tiles, with and without them.
template <typename Body>
void on_every_target(Body&& body) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    if (target == HWY_AVX3_DL && has_matrix_tiles()) {
      SCOPED_TRACE("matrix tiles");
      body();
    }
    allow_matrix_tiles(false);
    body();
    allow_matrix_tiles(true);
  }
  hwy::SetSupportedTargetsForTest(0);
}

// Threads of test_context() for one scope.
class ThreadCount {
 public:
  explicit ThreadCount(int count) { test_context().set_threads(Threads(count)); }
  ~ThreadCount() { test_context().set_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  Threads before_ = test_context().threads();
};

}  // namespace t6
