#include "t6/core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "t6/core/error.h"

namespace t6 {
namespace {

class ParallelFor : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_thread_count(GetParam()); }
};

TEST_P(ParallelFor, CoversEveryIndexOnce) {
  for (const int64_t count : {0, 1, 2, 7, 64, 1001}) {
    for (const int64_t grain : {1, 3, 5000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      parallel_for(count, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
      });
      for (const auto& times : seen) EXPECT_EQ(times, 1);
    }
  }
}

TEST_P(ParallelFor, ThrowsTheBodysErrorAndGoesOn) {
  EXPECT_THROW(parallel_for(100, 1, [](int64_t, int64_t) { fail("no"); }), Error);
  std::atomic<int64_t> sum = 0;
  parallel_for(100, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  EXPECT_EQ(sum, 100);
}

TEST_P(ParallelFor, NestsInTheCallingThread) {
  std::atomic<int64_t> sum = 0;
  parallel_for(10, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) parallel_for(10, 1, [&](int64_t b, int64_t e) { sum += e - b; });
  });
  EXPECT_EQ(sum, 100);
}

TEST_P(ParallelFor, ServesSeveralCallersAndWakesThreadsThatSleep) {
  std::vector<std::thread> callers;
  std::atomic<int> right = 0;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&right, i] {
      for (int job = 0; job < 50; ++job) {
        std::atomic<int64_t> sum = 0;
        parallel_for(100, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
        right += sum == 100;
        // Now and then longer than threads look for work before they sleep.
        if (job % 10 == i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, 200);
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelFor, ::testing::Values(1, 2, 5));

std::atomic<int> lent_parts = 0;

TEST(Threads, AreAnotherLibrarysWhenLent) {
  set_thread_count(3);
  set_part_runner([](int parts, RangeFunction part) {
    lent_parts += parts;
    for (int i = parts - 1; i >= 0; --i) part(i, i + 1);
  });
  std::atomic<int64_t> sum = 0;
  parallel_for(10, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) parallel_for(10, 1, [&](int64_t b, int64_t e) { sum += e - b; });
  });
  set_part_runner(nullptr);
  parallel_for(10, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  EXPECT_EQ(sum, 110);
  EXPECT_EQ(lent_parts, 3);
}

TEST(Threads, RefusesNonsense) {
  EXPECT_THROW(set_thread_count(0), Error);
  EXPECT_THROW(set_thread_count(-3), Error);
}

}  // namespace
}  // namespace t6
