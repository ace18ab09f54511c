#include "t6/compare/statistics.h"

#include <gmock/gmock.h>

#include <cmath>

namespace t6 {
namespace {

struct Quantile {
  int64_t degrees;
  double at_975, at_60;
};

// tests/compare/make_statistics.py made these with SciPy.
constexpr Quantile kQuantiles[] = {
    {1, 12.7062047361747, 0.324919696232906},   {2, 4.30265272974946, 0.288675134594813},
    {3, 3.18244630528371, 0.27667066233269},    {4, 2.77644510519779, 0.270722294707598},
    {9, 2.2621571627982, 0.260955336473911},    {30, 2.04227245630124, 0.255605364951913},
    {1000, 1.96233908082641, 0.253414515839499}};

TEST(StudentT, HasTheQuantilesOfSciPy) {
  for (const auto& [degrees, at_975, at_60] : kQuantiles) {
    EXPECT_NEAR(student_t_quantile(0.975, degrees), at_975, 1e-10 * at_975) << degrees;
    EXPECT_NEAR(student_t_quantile(0.025, degrees), -at_975, 1e-10 * at_975) << degrees;
    EXPECT_NEAR(student_t_quantile(0.6, degrees), at_60, 1e-10) << degrees;
    EXPECT_EQ(student_t_quantile(0.5, degrees), 0) << degrees;
  }
}

TEST(Estimate, IsTheMeanWithItsInterval) {
  const Estimate found = estimate({2.31, 2.28, 2.35, 2.30});
  EXPECT_EQ(found.count, 4);
  EXPECT_NEAR(found.mean, 2.31, 1e-12);
  EXPECT_NEAR(found.half_width, 0.0468443412303241, 1e-12);
}

TEST(Estimate, KnowsNoIntervalOfOneValueAndNothingOfNone) {
  EXPECT_EQ(estimate({3}).mean, 3);
  EXPECT_TRUE(std::isnan(estimate({3}).half_width));
  EXPECT_TRUE(std::isnan(estimate({}).mean));
  EXPECT_EQ(estimate({2, 2, 2}).half_width, 0);
}

TEST(PairedDifference, IsOfTheSeedsThatBothHave) {
  const Estimate found = paired_difference({{1, 2.31}, {2, 2.28}, {3, 2.35}, {4, 2.30}, {5, 9}},
                                           {{1, 2.40}, {2, 2.36}, {3, 2.41}, {4, 2.37}, {6, 9}});
  EXPECT_EQ(found.count, 4);
  EXPECT_NEAR(found.mean, -0.075, 1e-12);
  EXPECT_NEAR(found.half_width, 0.020542602567605, 1e-12);
}

}  // namespace
}  // namespace t6
