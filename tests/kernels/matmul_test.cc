#include "t6/kernels/matmul.h"

#include "t6/kernels/reference.h"
#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::IsNan;

TEST(Matmul, AgreesWithTheReferenceForOddSizes) {
  on_every_target([] {
    for (const int64_t T : {1, 2, 5, 6, 7, 100}) {
      for (const int64_t N : {1, 3, 4, 9, 30}) {
        for (const int64_t K : {1, 7, 16, 33, 1100}) {
          SCOPED_TRACE(fmt::format("T {} N {} K {}", T, N, K));
          const auto x = random_floats(T * K, 1), w = random_floats(N * K, 2);
          std::vector<float> y(static_cast<size_t>(T * N), kNaN);
          const Matmul product = {.x = x.data(), .w = w.data(), .y = y.data(), .T = T, .N = N, .K = K};
          matmul(product);
          EXPECT_LT(largest_error(y, matmul_reference(product)), 5e-6);
        }
      }
    }
  });
}

TEST(Matmul, AddsAndKeepsToItsColumns) {
  on_every_target([] {
    const int64_t T = 9, N = 10, K = 1027;
    const auto x = random_floats(T * (K + 3), 1), w = random_floats(N * K, 2);
    std::vector<float> y = random_floats(T * (N + 5), 3, 0);
    const std::vector<float> before = y;
    const Matmul product = {.x = x.data(),
                            .w = w.data(),
                            .y = y.data(),
                            .T = T,
                            .N = N,
                            .K = K,
                            .x_stride = K + 3,
                            .y_stride = N + 5,
                            .accumulate = true};
    const auto wanted = matmul_reference(product);
    matmul(product);
    std::vector<float> got;
    for (int64_t t = 0; t < T; ++t) {
      const auto row = y.begin() + t * (N + 5);
      got.insert(got.end(), row, row + N);
      EXPECT_THAT(std::vector<float>(row + N, row + N + 5),
                  ElementsAreArray(before.begin() + t * (N + 5) + N, before.begin() + (t + 1) * (N + 5)));
    }
    EXPECT_LT(largest_error(got, wanted), 5e-6);
  });
}

TEST(Matmul, GivesARowTheSameBitsInAnyCompanyAndOnAnyThreads) {
  on_every_target([] {
    for (const auto& [T, N, K] : {std::tuple<int64_t, int64_t, int64_t>{101, 301, 1300}, {601, 50, 130}}) {
      const auto x = random_floats(T * K, 1), w = random_floats(N * K, 2);
      std::vector<float> whole(static_cast<size_t>(T * N)), rows = whole;
      const ThreadCount threads(3);
      matmul({.x = x.data(), .w = w.data(), .y = whole.data(), .T = T, .N = N, .K = K});
      set_thread_count(1);
      for (int64_t t = 0; t < T; ++t) {
        matmul({.x = x.data() + t * K, .w = w.data(), .y = rows.data() + t * N, .T = 1, .N = N, .K = K});
      }
      EXPECT_EQ(rows, whole);
    }
  });
}

TEST(Matmul, PassesOnWhatIsNotANumber) {
  const std::vector<float> x = {1, kNaN}, w = {1, 1, 0, 0};
  std::vector<float> y(2);
  matmul({.x = x.data(), .w = w.data(), .y = y.data(), .T = 1, .N = 2, .K = 2});
  EXPECT_THAT(y, Each(IsNan()));
}

}  // namespace
}  // namespace t6
