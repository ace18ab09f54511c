#include "t6/core/threads.h"

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
  Threads threads_{GetParam()};
};

TEST_P(ParallelFor, CoversEveryIndexOnce) {
  for (const int64_t count : {0, 1, 2, 7, 64, 1001}) {
    for (const int64_t grain : {1, 3, 5000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      threads_.parallel_for(count, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
      });
      for (const auto& times : seen) EXPECT_EQ(times, 1);
    }
  }
}

TEST_P(ParallelFor, ThrowsTheBodysErrorAndGoesOn) {
  EXPECT_THROW(threads_.parallel_for(100, 1, [](int64_t, int64_t) { fail("no"); }), Error);
  std::atomic<int64_t> sum = 0;
  threads_.parallel_for(100, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  EXPECT_EQ(sum, 100);
}

TEST_P(ParallelFor, NestsInTheCallingThread) {
  std::atomic<int64_t> sum = 0;
  threads_.parallel_for(10, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) threads_.parallel_for(10, 1, [&](int64_t b, int64_t e) { sum += e - b; });
  });
  EXPECT_EQ(sum, 100);
}

TEST_P(ParallelFor, ServesSeveralCallersAndWakesThreadsThatSleep) {
  std::vector<std::thread> callers;
  std::atomic<int> right = 0;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([this, &right, i] {
      for (int job = 0; job < 50; ++job) {
        std::atomic<int64_t> sum = 0;
        threads_.parallel_for(100, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
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
  const Threads lent(3, [](int parts, RangeFunction part) {
    lent_parts += parts;
    for (int i = parts - 1; i >= 0; --i) part(i, i + 1);
  });
  std::atomic<int64_t> sum = 0;
  lent.parallel_for(10, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) lent.parallel_for(10, 1, [&](int64_t b, int64_t e) { sum += e - b; });
  });
  Threads(3).parallel_for(10, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  EXPECT_EQ(sum, 110);
  EXPECT_EQ(lent_parts, 3);
}

TEST(Threads, AreTwoPoolsThatKnowNothingOfEachOther) {
  const Threads two(2), three(3);
  std::atomic<int64_t> sum = 0;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) three.parallel_for(30, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  });
  for (int i = 0; i < 100; ++i) two.parallel_for(20, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  other.join();
  EXPECT_EQ(sum, 5000);
}

TEST(Threads, GiveEachOfAsManyRangesAsThreadsAnIndex) {
  const Threads threads(4);
  std::vector<std::atomic<int>> calls(4);
  threads.parallel_for(4, 1, [&](int64_t begin, int64_t end) {
    EXPECT_EQ(end, begin + 1);
    ++calls[static_cast<size_t>(begin)];
  });
  for (const auto& count : calls) EXPECT_EQ(count, 1);
}

TEST(Threads, RefusesNonsense) {
  EXPECT_THROW(Threads(0), Error);
  EXPECT_THROW(Threads(-3), Error);
}

}  // namespace
}  // namespace t6
