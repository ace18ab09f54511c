#include "t6/train/steps/label_order.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace t6 {
namespace {

std::vector<int64_t> some_lengths(int64_t count) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < count; ++i) lengths.push_back(1 + i * 37 % 101);
  return lengths;
}

TEST(LabelOrder, AnEpochHasEveryDocumentOnce) {
  const LabelOrder order(some_lengths(320), 4, 7);
  std::set<int64_t> seen;
  for (int64_t pass = 0; pass < 80; ++pass) {  // five pools of 16 passes
    const auto documents = order.documents(pass);
    ASSERT_EQ(documents.size(), 4u);
    seen.insert(documents.begin(), documents.end());
  }
  EXPECT_EQ(seen.size(), 320u);
  EXPECT_EQ(*seen.rbegin(), 319);
}

TEST(LabelOrder, DependsOnSeedAndPassAlone) {
  const LabelOrder order(some_lengths(1000), 8, 3), same(some_lengths(1000), 8, 3), other(some_lengths(1000), 8, 4);
  int equal = 0;
  for (int64_t pass = 299; pass >= 0; --pass) {
    EXPECT_EQ(order.documents(pass), same.documents(pass));
    equal += order.documents(pass) == other.documents(pass);
  }
  EXPECT_LT(equal, 3);
}

TEST(LabelOrder, APassHasDocumentsOfLikeLengths) {
  const auto lengths = some_lengths(1000);
  const LabelOrder order(lengths, 8, 3);
  int64_t padding = 0, tokens = 0;
  std::vector<int64_t> longest;
  for (int64_t pass = 0; pass < 125; ++pass) {
    int64_t most = 0;
    for (const int64_t index : order.documents(pass)) most = std::max(most, lengths[static_cast<size_t>(index)]);
    for (const int64_t index : order.documents(pass)) {
      padding += most - lengths[static_cast<size_t>(index)];
      tokens += lengths[static_cast<size_t>(index)];
    }
    longest.push_back(most);
  }
  EXPECT_LT(padding, tokens / 10);
  EXPECT_FALSE(std::ranges::is_sorted(longest.begin(), longest.begin() + 16)) << "short and long ones in turn";
}

TEST(LabelOrder, FewerDocumentsThanABatchComeAgain) {
  const LabelOrder order({3, 1}, 5, 0);
  std::map<int64_t, int> counts;
  for (int64_t pass = 0; pass < 16; ++pass) {
    for (const int64_t index : order.documents(pass)) ++counts[index];
  }
  EXPECT_EQ(counts[0], 40);
  EXPECT_EQ(counts[1], 40);
}

}  // namespace
}  // namespace t6
