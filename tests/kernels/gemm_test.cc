#include "t6/kernels/gemm.h"

#include "t6/kernels/reference/gemm.h"
#include "tests/context.h"
#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

using ::testing::Each;
using ::testing::IsNan;

struct Size {
  int64_t M, N, K;
};

// Operands with NaN after each row's end and after the last one, and C with numbers there that must stay.
struct Problem {
  Problem(const Size& size, bool transpose_a, bool transpose_b, bool accumulate, int64_t gap)
      : Problem(size, transpose_a, transpose_b, gap) {
    product.accumulate = accumulate;
  }
  Problem(const Problem&) = delete;

  std::vector<float> result() const {
    std::vector<float> numbers;
    for (int64_t m = 0; m < product.M; ++m) {
      const auto row = c.begin() + m * product.c_stride;
      numbers.insert(numbers.end(), row, row + product.N);
    }
    return numbers;
  }
  // Every number of C that is not the product's.
  std::vector<float> gaps() const {
    std::vector<float> numbers;
    for (size_t i = 0; i < c.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      if (at / product.c_stride >= product.M || at % product.c_stride >= product.N) numbers.push_back(c[i]);
    }
    return numbers;
  }

  std::vector<float> a, b, c;
  Gemm product;

 private:
  Problem(const Size& s, bool transpose_a, bool transpose_b, int64_t gap)
      : a(matrix(transpose_a ? s.K : s.M, transpose_a ? s.M : s.K, gap, 1)),
        b(matrix(transpose_b ? s.N : s.K, transpose_b ? s.K : s.N, gap, 2)),
        c(random_floats(s.M * (s.N + gap), 3, 0)) {
    product = {.a = a.data(),
               .b = b.data(),
               .c = c.data(),
               .M = s.M,
               .N = s.N,
               .K = s.K,
               .a_stride = (transpose_a ? s.M : s.K) + gap,
               .b_stride = (transpose_b ? s.K : s.N) + gap,
               .c_stride = s.N + gap,
               .transpose_a = transpose_a,
               .transpose_b = transpose_b};
  }

  static std::vector<float> matrix(int64_t rows, int64_t columns, int64_t gap, uint64_t seed) {
    std::vector<float> numbers = random_floats(rows * (columns + gap), seed, 0);
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (static_cast<int64_t>(i) % (columns + gap) >= columns) numbers[i] = kNaN;
    }
    return numbers;
  }
};

template <typename Body>
void for_all_forms(Body&& body) {
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      for (const bool accumulate : {false, true}) {
        SCOPED_TRACE(fmt::format("transpose_a {} transpose_b {} accumulate {}", transpose_a, transpose_b, accumulate));
        body(transpose_a, transpose_b, accumulate);
      }
    }
  }
}

void expect_agreement(const Size& size, int64_t gap) {
  SCOPED_TRACE(fmt::format("M {} N {} K {} gap {}", size.M, size.N, size.K, gap));
  for_all_forms([&](bool transpose_a, bool transpose_b, bool accumulate) {
    Problem problem(size, transpose_a, transpose_b, accumulate, gap);
    const std::vector<double> wanted = gemm_reference(problem.product);
    const std::vector<float> before = problem.gaps();
    gemm(test_context(), problem.product);
    EXPECT_LT(largest_error(problem.result(), wanted), 1e-5);
    EXPECT_EQ(problem.gaps(), before);
  });
}

TEST(Gemm, AgreesWithTheReferenceForOddSizes) {
  on_every_target([] {
    for (const int64_t M : {1, 3, 17, 33}) {
      for (const int64_t N : {1, 3, 17, 65}) {
        for (const int64_t K : {0, 1, 3, 17, 65}) expect_agreement({M, N, K}, 5);
      }
    }
  });
}

TEST(Gemm, AgreesWithTheReferenceAcrossItsBlocks) {
  on_every_target([] {
    expect_agreement({30, 70, 259}, 0);   // two blocks of K
    expect_agreement({525, 33, 20}, 3);   // two blocks of rows
    expect_agreement({15, 1031, 20}, 0);  // two blocks of columns
  });
}

TEST(Gemm, DoesNothingWhenThereIsNothingToDo) {
  for (const Size& size : {Size{0, 5, 3}, Size{5, 0, 3}, Size{0, 0, 0}}) expect_agreement(size, 2);
}

TEST(Gemm, GivesTheSameBitsInAnyCompanyAndOnAnyThreads) {
  on_every_target([] {
    for_all_forms([](bool transpose_a, bool transpose_b, bool accumulate) {
      const Size size = {141, 150, 270};
      Problem whole(size, transpose_a, transpose_b, accumulate, 0),
          parts(size, transpose_a, transpose_b, accumulate, 0);
      {
        const ThreadCount threads(3);
        gemm(test_context(), whole.product);
      }
      const ThreadCount threads(1);
      constexpr int64_t kRows = 7, kColumns = 41;
      for (int64_t m = 0; m < size.M; m += kRows) {
        for (int64_t n = 0; n < size.N; n += kColumns) {
          Gemm part = parts.product;
          part.a += transpose_a ? m : m * part.a_stride;
          part.b += transpose_b ? n * part.b_stride : n;
          part.c += m * part.c_stride + n;
          part.M = std::min(kRows, size.M - m);
          part.N = std::min(kColumns, size.N - n);
          gemm(test_context(), part);
        }
      }
      EXPECT_EQ(parts.c, whole.c);
    });
  });
}

TEST(Gemm, PassesOnWhatIsNotANumber) {
  const std::vector<float> a = {1, kNaN}, b = {0, 0, 0, 0};
  std::vector<float> c(2);
  gemm(test_context(), {.a = a.data(), .b = b.data(), .c = c.data(), .M = 1, .N = 2, .K = 2});
  EXPECT_THAT(c, Each(IsNan()));
}

}  // namespace
}  // namespace t6
