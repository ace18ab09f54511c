#include "t6/train/memory/first_fit.h"

#include <gtest/gtest.h>

#include <vector>

#include "t6/core/random.h"

namespace t6 {
namespace {

TEST(FirstFit, TakesTheLowestPlaceAndJoinsGaps) {
  FirstFit blocks(100);
  EXPECT_EQ(blocks.take(40), 0);
  EXPECT_EQ(blocks.take(20), 40);
  EXPECT_EQ(blocks.take(40), 60);
  EXPECT_EQ(blocks.take(1), std::nullopt);
  blocks.give_back(0);
  blocks.give_back(60);
  EXPECT_EQ(blocks.gaps(), 2);
  EXPECT_EQ(blocks.take(41), std::nullopt);
  EXPECT_EQ(blocks.take(10), 0);
  blocks.give_back(40);
  EXPECT_EQ(blocks.gaps(), 1);
  EXPECT_EQ(blocks.take(90), 10);
}

TEST(FirstFit, NeverGivesAPlaceTwice) {
  constexpr size_t kSize = 1000;
  FirstFit blocks(kSize);
  Random random(1);
  std::vector<bool> used(kSize, false);
  std::vector<std::pair<size_t, size_t>> taken;
  for (int i = 0; i < 20'000; ++i) {
    if (random.below(2) == 0 && !taken.empty()) {
      std::swap(taken[random.below(taken.size())], taken.back());
      const auto [place, size] = taken.back();
      taken.pop_back();
      blocks.give_back(place);
      for (size_t at = place; at < place + size; ++at) used[at] = false;
      continue;
    }
    const size_t size = 1 + random.below(90);
    const auto place = blocks.take(size);
    if (!place) continue;
    ASSERT_LE(*place + size, kSize);
    for (size_t at = *place; at < *place + size; ++at) {
      ASSERT_FALSE(used[at]);
      used[at] = true;
    }
    taken.emplace_back(*place, size);
  }
  for (const auto& [place, size] : taken) blocks.give_back(place);
  EXPECT_EQ(blocks.gaps(), 1);
  EXPECT_EQ(blocks.take(kSize), 0);
}

}  // namespace
}  // namespace t6
