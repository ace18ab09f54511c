#include "t6/kernels/rotary.h"

#include <cmath>

#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

TEST(Rotary, TurnsPairsByThePositionsAngle) {
  on_every_target([] {
    for (const int64_t dim : {2, 6, 32, 38, 64}) {
      SCOPED_TRACE(dim);
      const int64_t position = 13, stride = dim + 3;
      RotaryTable table(dim, 1000);
      table.extend(position + 1);
      auto x = random_floats(2 * stride, 1, 0);
      const auto before = x;
      rotate(x.data(), 2, stride, table.at(position), dim);
      for (size_t row = 0; row < 2; ++row) {
        const size_t half = static_cast<size_t>(dim) / 2, at = row * static_cast<size_t>(stride);
        for (size_t i = 0; i < half; ++i) {
          const double angle = 13 * std::pow(1000.0, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
          const double first = before[at + i], second = before[at + half + i];
          EXPECT_NEAR(x[at + i], first * std::cos(angle) - second * std::sin(angle), 1e-5);
          EXPECT_NEAR(x[at + half + i], second * std::cos(angle) + first * std::sin(angle), 1e-5);
        }
        for (size_t i = 2 * half; i < 2 * half + 3; ++i) EXPECT_EQ(x[at + i], before[at + i]);
      }
    }
  });
}

TEST(Rotary, GrowsWithoutChangingWhatWasThere) {
  RotaryTable table(8, 10000), once(8, 10000);
  once.extend(300);
  for (const int64_t positions : {1, 2, 3, 100, 300}) table.extend(positions);
  ASSERT_GE(table.positions(), 300);
  for (int64_t i = 0; i < 300; ++i) {
    for (int64_t j = 0; j < 8; ++j) EXPECT_EQ(table.at(i)[j], once.at(i)[j]);
  }
}

// Logits depend on the distance of two positions alone (Theorem 3.1's premise).
TEST(Rotary, KeepsDotProductsOfEqualDistances) {
  RotaryTable table(16, 10000);
  table.extend(200);
  const auto q = random_floats(16, 1, 0), k = random_floats(16, 2, 0);
  const auto product = [&](int64_t i, int64_t j) {
    auto a = q, b = k;
    rotate(a.data(), 1, 16, table.at(i), 16);
    rotate(b.data(), 1, 16, table.at(j), 16);
    double sum = 0;
    for (size_t n = 0; n < 16; ++n) sum += double{a[n]} * b[n];
    return sum;
  };
  EXPECT_NEAR(product(7, 3), product(104, 100), 1e-4);
  EXPECT_GT(std::abs(product(7, 3) - product(3, 7)), 1e-2);
}

}  // namespace
}  // namespace t6
