#include "t6/core/random.h"

#include <gmock/gmock.h>

#include <cmath>

namespace t6 {
namespace {

TEST(Random, IsTheSameEverywhere) {
  Random random(1, 2);
  const uint64_t first = random.next();
  EXPECT_EQ(Random(1, 2).next(), first);
  EXPECT_NE(Random(1, 3).next(), first);
  EXPECT_NE(Random(2, 2).next(), first);
}

TEST(Random, IsUniform) {
  Random random(7);
  double sum = 0, squares = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.uniform();
    ASSERT_TRUE(x >= 0 && x < 1);
    sum += x;
    squares += x * x;
    ASSERT_LT(random.below(10), 10u);
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 4 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 4 * std::sqrt(4.0 / 45 / kDraws));
}

}  // namespace
}  // namespace t6
