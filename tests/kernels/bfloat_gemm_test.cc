#include "t6/kernels/bfloat_gemm.h"

#include "t6/core/error.h"
#include "t6/kernels/reference/bfloat_gemm.h"
#include "t6/numbers/half.h"
#include "tests/context.h"
#include "tests/error_of.h"
#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

struct Size {
  int64_t M, N, K;
};

struct Form {
  NumberType a, b, c;
  bool transpose_a, transpose_b, accumulate;
};

// Numbers of either type, with NaN after each row's end and after the last one.
struct Numbers {
  Numbers(NumberType number_type, int64_t rows, int64_t columns, int64_t gap, uint64_t seed)
      : type(number_type), floats(random_floats(rows * (columns + gap), seed, 0)) {
    for (size_t i = 0; i < floats.size(); ++i) {
      if (static_cast<int64_t>(i) % (columns + gap) >= columns) floats[i] = kNaN;
      bfloats.push_back(bfloat16_from_float(floats[i]));
    }
  }
  void* data() { return type == NumberType::f32 ? static_cast<void*>(floats.data()) : bfloats.data(); }
  float at(size_t i) const { return type == NumberType::f32 ? floats[i] : float_from_bfloat16(bfloats[i]); }

  NumberType type;
  std::vector<float> floats;
  std::vector<uint16_t> bfloats;
};

struct Problem {
  Problem(const Size& s, const Form& form, int64_t gap)
      : a(form.a, form.transpose_a ? s.K : s.M, form.transpose_a ? s.M : s.K, gap, 1),
        b(form.b, form.transpose_b ? s.N : s.K, form.transpose_b ? s.K : s.N, gap, 2),
        c(form.c, s.M, s.N, gap, 3) {
    product = {.a = {a.data(), form.a, (form.transpose_a ? s.M : s.K) + gap, form.transpose_a},
               .b = {b.data(), form.b, (form.transpose_b ? s.K : s.N) + gap, form.transpose_b},
               .c = c.data(),
               .c_type = form.c,
               .c_stride = s.N + gap,
               .M = s.M,
               .N = s.N,
               .K = s.K,
               .accumulate = form.accumulate};
  }
  Problem(const Problem&) = delete;

  std::vector<float> result() const {
    std::vector<float> numbers;
    for (int64_t m = 0; m < product.M; ++m) {
      for (int64_t n = 0; n < product.N; ++n) numbers.push_back(c.at(static_cast<size_t>(m * product.c_stride + n)));
    }
    return numbers;
  }
  bool gaps_are_whole() const {
    for (int64_t m = 0; m < product.M; ++m) {
      for (int64_t n = product.N; n < product.c_stride; ++n) {
        if (!std::isnan(c.at(static_cast<size_t>(m * product.c_stride + n)))) return false;
      }
    }
    return true;
  }

  Numbers a, b, c;
  BfloatGemm product;
};

constexpr std::array kTypes = {NumberType::f32, NumberType::bf16};

// Every mixture of types and forms that there is.
template <typename Body>
void for_all_forms(Body&& body) {
  for (int i = 0; i < 64; ++i) {
    const auto bit = [&](int n) { return (i >> n & 1) != 0; };
    const Form form = {kTypes[bit(0)], kTypes[bit(1)], kTypes[bit(2)], bit(3), bit(4), bit(5)};
    if (form.accumulate && form.c == NumberType::bf16) continue;
    SCOPED_TRACE(fmt::format("form {}", i));
    body(form);
  }
}

void expect_agreement(const Size& size, int64_t gap) {
  SCOPED_TRACE(fmt::format("M {} N {} K {} gap {}", size.M, size.N, size.K, gap));
  for_all_forms([&](const Form& form) {
    Problem problem(size, form, gap);
    const std::vector<double> wanted = bfloat_gemm_reference(problem.product);
    bfloat_gemm(test_context(), problem.product);
    const double rounding = form.c == NumberType::bf16 ? 1.0 / 256 : 0;
    EXPECT_LT(largest_error(problem.result(), wanted), 1e-5 + rounding);
    EXPECT_TRUE(problem.gaps_are_whole());
  });
}

TEST(BfloatGemm, AgreesWithTheReferenceForOddSizes) {
  on_every_target([] {
    for (const int64_t M : {1, 3, 17}) {
      for (const int64_t N : {1, 17, 65}) {
        for (const int64_t K : {0, 1, 2, 17, 67}) expect_agreement({M, N, K}, 5);
      }
    }
  });
}

TEST(BfloatGemm, AgreesWithTheReferenceAcrossItsBlocks) {
  on_every_target([] {
    expect_agreement({15, 33, 801}, 0);  // blocks of K
    expect_agreement({525, 5, 6}, 3);    // two blocks of rows
    expect_agreement({3, 1031, 6}, 0);   // two blocks of columns
  });
}

TEST(BfloatGemm, DoesNothingWhenThereIsNothingToDo) {
  for (const Size& size : {Size{0, 5, 3}, Size{5, 0, 3}, Size{0, 0, 0}}) expect_agreement(size, 2);
}

TEST(BfloatGemm, GivesTheSameBitsInAnyCompanyAndOnAnyThreads) {
  on_every_target([] {
    for_all_forms([](const Form& form) {
      const Size size = {57, 90, 790};
      Problem whole(size, form, 0), parts(size, form, 0);
      {
        const ThreadCount threads(3);
        bfloat_gemm(test_context(), whole.product);
      }
      const ThreadCount threads(1);
      constexpr int64_t kRows = 20, kColumns = 41;
      const auto moved = [](const void* numbers, NumberType type, int64_t by) {
        return static_cast<const char*>(numbers) + by * (type == NumberType::f32 ? 4 : 2);
      };
      for (int64_t m = 0; m < size.M; m += kRows) {
        for (int64_t n = 0; n < size.N; n += kColumns) {
          BfloatGemm part = parts.product;
          part.a.numbers = moved(part.a.numbers, form.a, form.transpose_a ? m : m * part.a.stride);
          part.b.numbers = moved(part.b.numbers, form.b, form.transpose_b ? n * part.b.stride : n);
          part.c = const_cast<char*>(moved(part.c, form.c, m * part.c_stride + n));
          part.M = std::min(kRows, size.M - m);
          part.N = std::min(kColumns, size.N - n);
          bfloat_gemm(test_context(), part);
        }
      }
      EXPECT_EQ(parts.result(), whole.result());
    });
  });
}

TEST(BfloatGemm, RoundsToNearestEvenAndPassesOnWhatIsNotFinite) {
  // 1 + 2^-8 is half way between two numbers, 1 + 3 * 2^-8 the next such.
  const float ulp = 1.0f / 128, infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> a = {1 + ulp / 2, 1 + 3 * ulp / 2, 1 + ulp * 0.51f, kNaN, -infinity};
  on_every_target([&] {
    const float one = 1;
    std::vector<float> c(a.size());
    bfloat_gemm(test_context(), {.a = {.numbers = a.data(), .type = NumberType::f32},
                                 .b = {.numbers = &one, .type = NumberType::f32},
                                 .c = c.data(),
                                 .c_type = NumberType::f32,
                                 .M = 5,
                                 .N = 1,
                                 .K = 1});
    EXPECT_EQ(c[0], 1);
    EXPECT_EQ(c[1], 1 + 2 * ulp);
    EXPECT_EQ(c[2], 1 + ulp);
    EXPECT_TRUE(std::isnan(c[3]));
    EXPECT_EQ(c[4], -infinity);
  });
}

TEST(BfloatGemm, RefusesOtherTypes) {
  Problem problem({3, 4, 5}, {NumberType::f32, NumberType::f32, NumberType::bf16, false, false, true}, 0);
  EXPECT_THAT(error_of([&] { bfloat_gemm(test_context(), problem.product); }), HasSubstr("only float32 sums"));
  problem.product.a.type = NumberType::f16;
  EXPECT_THAT(error_of([&] { bfloat_gemm(test_context(), problem.product); }), HasSubstr("not F16, F32 and BF16"));
}

}  // namespace
}  // namespace t6
