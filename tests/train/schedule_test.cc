#include "t6/train/steps/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace t6 {
namespace {

TEST(Schedule, WarmsUpToTheMaximumAndFallsToTheMinimum) {
  const Schedule schedule = {.maximum = 6e-4, .minimum = 3e-5, .warmup_steps = 2000, .steps = 100'000};
  EXPECT_DOUBLE_EQ(schedule.rate(1), 6e-4 / 2000);
  EXPECT_DOUBLE_EQ(schedule.rate(1000), 3e-4);
  EXPECT_DOUBLE_EQ(schedule.rate(2000), 6e-4);
  EXPECT_DOUBLE_EQ(schedule.rate(51'000), (6e-4 + 3e-5) / 2);  // half way between 2,000 and 100,000
  EXPECT_DOUBLE_EQ(schedule.rate(26'500), 3e-5 + 5.7e-4 * (1 + std::cos(std::numbers::pi / 4)) / 2);
  EXPECT_DOUBLE_EQ(schedule.rate(100'000), 3e-5);
  for (int64_t step = 2001; step <= 100'000; step += 97) EXPECT_LT(schedule.rate(step), schedule.rate(step - 1));
}

TEST(Schedule, WithoutWarmUpTheFirstStepHasTheMaximum) {
  const Schedule schedule = {.maximum = 1, .minimum = 0.5, .warmup_steps = 0, .steps = 11};
  EXPECT_DOUBLE_EQ(schedule.rate(1), 1);
  EXPECT_DOUBLE_EQ(schedule.rate(6), 0.75);
  EXPECT_DOUBLE_EQ(schedule.rate(11), 0.5);
}

TEST(Schedule, ConstantAfterWarmUp) {
  const Schedule schedule = {
      .maximum = 2, .minimum = 0, .warmup_steps = 4, .steps = 10, .kind = ScheduleKind::constant};
  EXPECT_DOUBLE_EQ(schedule.rate(1), 0.5);
  for (int64_t step = 4; step <= 10; ++step) EXPECT_DOUBLE_EQ(schedule.rate(step), 2);
}

TEST(Schedule, StableAndThenDown) {
  const Schedule schedule = {
      .maximum = 2, .minimum = 1, .warmup_steps = 2, .steps = 20, .kind = ScheduleKind::wsd, .decay_steps = 10};
  EXPECT_DOUBLE_EQ(schedule.rate(1), 1);
  for (int64_t step = 2; step <= 10; ++step) EXPECT_DOUBLE_EQ(schedule.rate(step), 2);
  EXPECT_DOUBLE_EQ(schedule.rate(11), 1.9);
  EXPECT_DOUBLE_EQ(schedule.rate(15), 1.5);
  EXPECT_DOUBLE_EQ(schedule.rate(20), 1);
  const Schedule none = {.maximum = 2, .minimum = 1, .warmup_steps = 20, .steps = 20, .kind = ScheduleKind::wsd};
  EXPECT_DOUBLE_EQ(none.rate(20), 2);
}

TEST(Schedule, ShortRunsAreFinite) {
  EXPECT_DOUBLE_EQ((Schedule{.maximum = 1, .minimum = 0, .warmup_steps = 0, .steps = 1}.rate(1)), 1);
  EXPECT_DOUBLE_EQ((Schedule{.maximum = 1, .minimum = 0, .warmup_steps = 3, .steps = 3}.rate(3)), 1);
}

}  // namespace
}  // namespace t6
