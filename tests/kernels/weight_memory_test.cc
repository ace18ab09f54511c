#include "t6/kernels/linear/weight_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace t6 {
namespace {

TEST(WeightMemory, IsApartAlignedAndKeptByEachOwner) {
  constexpr int64_t kSizes[] = {0, 1, 1000, 100'000, 70'001, int64_t{40} << 20, 100'000, int64_t{31} << 20, 65'536};
  std::vector<std::shared_ptr<std::byte>> blocks;
  for (const int64_t size : kSizes) {
    blocks.push_back(allocate_weights(size));
    ASSERT_NE(blocks.back(), nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(blocks.back().get()) % 64, 0u);
    std::memset(blocks.back().get(), static_cast<int>(blocks.size()), static_cast<size_t>(size));
  }
  for (size_t drop : {3, 5}) blocks[drop].reset();
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (!blocks[i] || kSizes[i] == 0) continue;
    EXPECT_EQ(blocks[i].get()[0], std::byte(i + 1));
    EXPECT_EQ(blocks[i].get()[kSizes[i] - 1], std::byte(i + 1));
  }
}

}  // namespace
}  // namespace t6
