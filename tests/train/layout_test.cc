#include "t6/train/distributed/layout.h"

#include <gtest/gtest.h>

#include <numeric>

#include "t6/train/distributed/gradient_sum.h"

namespace t6 {
namespace {

TEST(Layout, EveryNumberIsOneRanksAlone) {
  const std::vector<int64_t> sizes = {1, 64, 1000, 3, 0, 129};
  for (const int64_t ranks : {1, 2, 3, 7, 64}) {
    const Layout layout = make_layout(sizes, ranks);
    EXPECT_EQ(layout.share % Layout::kAlignment, 0);
    for (size_t i = 0; i < sizes.size(); ++i) {
      int64_t next = 0;
      for (int64_t rank = 0; rank < ranks; ++rank) {
        const auto [begin, count] = layout.part(i, rank);
        EXPECT_GE(count, 0);
        if (count == 0) continue;
        EXPECT_EQ(begin, next);
        EXPECT_EQ(begin % Layout::kAlignment, 0);
        EXPECT_GE(layout.places[i] + begin, rank * layout.share);
        EXPECT_LE(layout.places[i] + begin + count, (rank + 1) * layout.share);
        next = begin + count;
      }
      EXPECT_EQ(next, sizes[i]) << ranks;
    }
  }
}

TEST(Layout, SharesAreAlmostEqual) {
  const Layout layout = make_layout({1 << 20, 100, 1 << 18}, 4);
  EXPECT_LT(layout.total() - ((1 << 20) + 100 + (1 << 18)), 4 * Layout::kAlignment + Layout::kAlignment);
}

TEST(GradientBuckets, TheLastParametersComeFirstAndEachOnce) {
  const std::vector<int64_t> bytes = {50 << 20, 100, 3 << 20, 3 << 20, 200, 5 << 20};
  const auto buckets = gradient_buckets(bytes);
  const std::vector<std::vector<size_t>> wanted = {{5}, {4, 3, 2}, {1, 0}};
  EXPECT_EQ(buckets, wanted);
}

TEST(GradientBuckets, OfSmallModelsAreSmall) {
  EXPECT_EQ(gradient_buckets(std::vector<int64_t>(32, 64 << 10)).size(), 16u);
  EXPECT_EQ(gradient_buckets({100, 100}).size(), 1u);
}

}  // namespace
}  // namespace t6
