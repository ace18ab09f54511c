#include "t6/core/sample_mean.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace t6 {
namespace {

TEST(SampleMean, HasAnErrorFromTwoValuesOn) {
  EXPECT_EQ(sample_mean({}).mean, 0);
  EXPECT_FALSE(sample_mean({}).standard_error());
  EXPECT_EQ(sample_mean(std::vector<double>{3}).mean, 3);
  EXPECT_FALSE(sample_mean(std::vector<double>{3}).standard_error());
  const SampleMean sample = sample_mean(std::vector<double>{2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_DOUBLE_EQ(sample.mean, 5);
  EXPECT_DOUBLE_EQ(*sample.standard_error(), std::sqrt(32.0 / 7 / 8));
}

}  // namespace
}  // namespace t6
