#include "t6/model/rope_scaling.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

namespace t6 {
namespace {

TEST(RopeScaling, LinearDividesEveryFrequency) {
  EXPECT_THAT(frequency_divisors({RopeScalingKind::linear, 2.5}, 6, 10000), ::testing::Each(2.5));
  EXPECT_EQ(frequency_divisors({RopeScalingKind::linear, 2.5}, 6, 10000).size(), 3u);
  EXPECT_TRUE(frequency_divisors({}, 6, 10000).empty());
}

// Llama 3.1's: written after the definition in wavelengths, where frequency_divisors counts turns.
TEST(RopeScaling, Llama3BlendsBetweenWavelengths) {
  const RopeScaling scaling = {RopeScalingKind::llama3, 8, 1, 4, 8192};
  const auto divisors = frequency_divisors(scaling, 128, 500000);
  ASSERT_EQ(divisors.size(), 64u);
  int kept = 0, blended = 0, divided = 0;
  for (size_t i = 0; i < 64; ++i) {
    const double frequency = std::pow(500000, -static_cast<double>(i) / 64);
    const double wavelength = 2 * std::numbers::pi / frequency;
    double wanted = frequency / 8;
    if (wavelength < 8192.0 / 4) {
      wanted = frequency;
      ++kept;
    } else if (wavelength <= 8192.0) {
      const double smooth = (8192 / wavelength - 1) / (4 - 1);
      wanted = (1 - smooth) * frequency / 8 + smooth * frequency;
      ++blended;
    } else {
      ++divided;
    }
    EXPECT_NEAR(frequency / divisors[i], wanted, 1e-12 * wanted) << i;
  }
  EXPECT_GT(kept, 20);
  EXPECT_GT(blended, 3);
  EXPECT_GT(divided, 20);
}

}  // namespace
}  // namespace t6
