#include "t6/train/distributed/layout.h"

#include <gtest/gtest.h>

#include <numeric>

namespace t6 {
namespace {

TEST(Layout, EveryNumberIsOneRanksAlone) {
  const std::vector<int64_t> sizes = {1, 64, 1000, 3, 0, 129, 3 * Layout::kPiece, 5 * Layout::kPiece + 1};
  for (const int64_t ranks : {1, 2, 3, 7, 64}) {
    const Layout layout = make_layout(sizes, ranks);
    EXPECT_EQ(layout.total(), std::accumulate(sizes.begin(), sizes.end(), int64_t{0}));
    int64_t shares = 0;
    for (int64_t rank = 0; rank < ranks; ++rank) shares += layout.share(rank);
    EXPECT_EQ(shares, layout.total());
    for (size_t i = 0; i < sizes.size(); ++i) {
      int64_t next = 0;
      for (int64_t rank = 0; rank < ranks; ++rank) {
        const auto [begin, count] = layout.part(i, rank);
        EXPECT_GE(count, 0);
        if (count == 0) continue;
        EXPECT_EQ(begin, next);
        EXPECT_EQ(begin % Layout::kPiece, 0);
        next = begin + count;
      }
      EXPECT_EQ(next, sizes[i]) << ranks;
    }
  }
}

TEST(Layout, PartsOfABucketAreAlmostEqual) {
  const Layout layout = make_layout({1 << 20, 100, 1 << 18}, 4);
  for (const Layout::Bucket& bucket : layout.buckets) {
    const int64_t mean = (bucket.cuts.back() - bucket.cuts.front()) / 4;
    for (size_t rank = 0; rank < 4; ++rank) {
      EXPECT_NEAR(bucket.cuts[rank + 1] - bucket.cuts[rank], mean, Layout::kPiece);
    }
  }
}

TEST(Layout, PartsAreThoseOfTheRow) {
  const std::vector<int64_t> sizes = {70 << 10, 30 << 10, 5000};
  const Layout layout = make_layout(sizes, 3);
  const torch::Tensor row = torch::arange(layout.total());
  for (size_t i = 0; i < sizes.size(); ++i) {
    const size_t b = layout.bucket_of[i];
    const auto parts = layout.parts_of(b, layout.bucket_in(row, b));
    for (size_t rank = 0; rank < 3; ++rank) {
      const auto [begin, count] = layout.part(i, static_cast<int64_t>(rank));
      const torch::Tensor numbers = row.narrow(0, layout.places[i] + begin, count);
      EXPECT_TRUE(torch::isin(numbers, parts[rank]).all().item<bool>());
    }
  }
}

std::vector<std::vector<size_t>> buckets_of(const std::vector<int64_t>& sizes, int64_t ranks = 2) {
  std::vector<std::vector<size_t>> buckets;
  for (const Layout::Bucket& bucket : make_layout(sizes, ranks).buckets) buckets.push_back(bucket.parameters);
  return buckets;
}

TEST(Buckets, TheLastParametersComeFirstAndEachOnce) {
  const std::vector<std::vector<size_t>> wanted = {{5}, {4, 3, 2}, {1, 0}};
  EXPECT_EQ(buckets_of({13 << 20, 25, 3 << 18, 3 << 18, 50, 5 << 18}), wanted);
}

TEST(Buckets, OfSmallModelsAreSmall) {
  EXPECT_EQ(buckets_of(std::vector<int64_t>(32, 16 << 10)).size(), 16u);
  EXPECT_EQ(buckets_of({25, 25}).size(), 1u);
}

TEST(Buckets, OfManyRanksAreLarge) {
  const std::vector<int64_t> sizes(256, 1 << 20);
  EXPECT_EQ(buckets_of(sizes).size(), 256u);
  EXPECT_EQ(buckets_of(sizes, 1024).size(), 16u);
}

}  // namespace
}  // namespace t6
