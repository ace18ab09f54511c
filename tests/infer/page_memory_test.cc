#include "t6/infer/cache/page_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace t6 {
namespace {

bool holds(const std::shared_ptr<std::byte>& page, int64_t bytes, std::byte value) {
  return std::all_of(page.get(), page.get() + bytes, [&](std::byte byte) { return byte == value; });
}

// Small pages, some in a slab, and one that is more than a slab.
TEST(PageMemory, PagesAreZerosAlignedAndApart) {
  for (const int64_t bytes : {int64_t{1}, int64_t{1000}, int64_t{70'001}, int64_t{10} << 20, int64_t{33} << 20}) {
    SCOPED_TRACE(bytes);
    std::vector<std::shared_ptr<std::byte>> pages;
    for (int i = 0; i < 4; ++i) {
      pages.push_back(allocate_page(bytes));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(pages.back().get()) % 64, 0u);
      EXPECT_TRUE(holds(pages.back(), bytes, std::byte{0}));
      std::memset(pages.back().get(), i + 1, static_cast<size_t>(bytes));
    }
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(holds(pages[static_cast<size_t>(i)], bytes, std::byte(i + 1)));
  }
}

TEST(PageMemory, WhatIsGivenBackIsUsedAgainAsZeros) {
  constexpr int64_t kBytes = 100'000;
  std::vector<std::shared_ptr<std::byte>> pages;
  for (int i = 0; i < 400; ++i) pages.push_back(allocate_page(kBytes));  // of two slabs
  std::set<std::byte*> before;
  for (size_t i = 0; i < pages.size(); i += 20) {
    std::memset(pages[i].get(), 7, kBytes);
    before.insert(pages[i].get());
    pages[i].reset();
  }
  for (size_t i = 0; i < pages.size(); i += 20) {
    pages[i] = allocate_page(kBytes);
    EXPECT_EQ(before.erase(pages[i].get()), 1u);
    EXPECT_TRUE(holds(pages[i], kBytes, std::byte{0}));
  }
}

TEST(PageMemory, ThreadsTakeAndGiveAtOnce) {
  constexpr int64_t kBytes = 70'000;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([thread] {
      std::vector<std::shared_ptr<std::byte>> pages(3);
      for (size_t i = 0; i < 40; ++i) {
        std::shared_ptr<std::byte>& page = pages[i % pages.size()];
        EXPECT_TRUE(!page || holds(page, kBytes, std::byte(thread + 1)));
        page = allocate_page(kBytes);
        EXPECT_TRUE(holds(page, kBytes, std::byte{0}));
        std::memset(page.get(), thread + 1, kBytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace t6
