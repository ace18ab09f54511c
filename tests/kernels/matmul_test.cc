#include "t6/kernels/matmul.h"

#include "t6/core/error.h"
#include "t6/kernels/reference/matmul.h"
#include "t6/numbers/blocks.h"
#include "tests/context.h"
#include "tests/kernels/kernel_test.h"
#include "tests/kernels/random_weight_matrix.h"

namespace t6 {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using ::testing::Truly;

constexpr int64_t kSuperBlock = 256;  // numbers of a block of a K type

// One row's product, which 65 rows of it have, too: few rows and many go different ways.
std::vector<float> product_of_row(const WeightMatrix& w, const std::vector<float>& row) {
  std::vector<float> y(static_cast<size_t>(w.rows())), x, ys(65 * y.size());
  matmul(test_context(), {.x = row.data(), .w = &w, .y = y.data(), .T = 1});
  for (int t = 0; t < 65; ++t) x.insert(x.end(), row.begin(), row.end());
  matmul(test_context(), {.x = x.data(), .w = &w, .y = ys.data(), .T = 65});
  for (size_t i = 0; i < ys.size(); ++i) {
    const float wanted = y[i % y.size()];
    EXPECT_TRUE(ys[i] == wanted || (std::isnan(ys[i]) && std::isnan(wanted))) << ys[i] << " for " << wanted;
  }
  return y;
}

class MatmulTypes : public ::testing::TestWithParam<NumberType> {
 protected:
  // Columns of about this size that the type allows.
  static int64_t columns(int64_t wanted) {
    const int64_t block = number_type_info(GetParam()).block_numbers;
    return std::max<int64_t>(1, wanted / block) * block;
  }
};

TEST_P(MatmulTypes, AgreesWithTheReferenceForOddSizes) {
  on_every_target([] {
    for (const int64_t T : {1, 2, 3, 7, 8, 13}) {
      for (const int64_t N : {1, 15, 16, 17, 40}) {
        for (const int64_t wanted : {1, 33, 550}) {
          const int64_t K = columns(wanted);
          SCOPED_TRACE(fmt::format("T {} N {} K {}", T, N, K));
          const auto x = random_floats(T * K, 1);
          const WeightMatrix w = random_weight_matrix(GetParam(), N, K, 2);
          std::vector<float> y(static_cast<size_t>(T * N), kNaN);
          const Matmul product = {.x = x.data(), .w = &w, .y = y.data(), .T = T};
          matmul(test_context(), product);
          EXPECT_LT(largest_error(y, matmul_reference(product)), 5e-6);
        }
      }
    }
  });
}

TEST_P(MatmulTypes, AddsBiasAndKeepsToItsColumns) {
  on_every_target([] {
    const int64_t T = 9, N = 26, K = columns(1027);
    const auto x = random_floats(T * (K + 3), 1), bias = random_floats(N, 4);
    const WeightMatrix w = random_weight_matrix(GetParam(), N, K, 2);
    for (const bool accumulate : {false, true}) {
      std::vector<float> y = random_floats(T * (N + 5), 3, 0);
      const std::vector<float> before = y;
      const Matmul product = {.x = x.data(),
                              .w = &w,
                              .y = y.data(),
                              .bias = bias.data(),
                              .T = T,
                              .x_stride = K + 3,
                              .y_stride = N + 5,
                              .accumulate = accumulate};
      const auto wanted = matmul_reference(product);
      matmul(test_context(), product);
      std::vector<float> got;
      for (int64_t t = 0; t < T; ++t) {
        const auto row = y.begin() + t * (N + 5);
        got.insert(got.end(), row, row + N);
        EXPECT_THAT(std::vector<float>(row + N, row + N + 5),
                    ElementsAreArray(before.begin() + t * (N + 5) + N, before.begin() + (t + 1) * (N + 5)));
      }
      EXPECT_LT(largest_error(got, wanted), 5e-6);
    }
  });
}

TEST_P(MatmulTypes, GivesARowTheSameBitsInAnyCompanyAndOnAnyThreads) {
  on_every_target([] {
    for (const auto& [T, N, wanted] : {std::tuple<int64_t, int64_t, int64_t>{143, 61, 1300}, {7, 301, 130}}) {
      const int64_t K = columns(wanted);
      const auto x = random_floats(T * K, 1);
      const WeightMatrix w = random_weight_matrix(GetParam(), N, K, 2),
                         other = random_weight_matrix(GetParam(), 50, K, 3);
      std::vector<float> whole(static_cast<size_t>(T * N)), rows = whole, others(static_cast<size_t>(T * 50));
      const ThreadCount threads(3);
      const Matmul products[] = {{.x = x.data(), .w = &other, .y = others.data(), .T = T},
                                 {.x = x.data(), .w = &w, .y = whole.data(), .T = T}};
      matmul(test_context(), products);
      const ThreadCount alone(1);
      for (int64_t t = 0; t < T; ++t)
        matmul(test_context(), {.x = x.data() + t * K, .w = &w, .y = rows.data() + t * N, .T = 1});
      EXPECT_EQ(rows, whole);
      EXPECT_LT(largest_error(others, matmul_reference(products[0])), 5e-6);
    }
  });
}

// Where there are matrix tiles; elsewhere the same as without.
TEST_P(MatmulTypes, MultipliesBfloatsWithTheSameBitsInAnyCompany) {
  on_every_target([] {
    for (const auto& [T, N, wanted] : {std::tuple<int64_t, int64_t, int64_t>{70, 61, 1800},
                                       {1, 16, 32},
                                       {33, 17, 290},
                                       {530, 40, 33},
                                       {5, 1, 4000}}) {
      const int64_t K = columns(wanted);
      SCOPED_TRACE(fmt::format("T {} N {} K {}", T, N, K));
      const auto x = random_floats(T * (K + 3), 1), bias = random_floats(N, 4);
      const WeightMatrix w = random_weight_matrix(GetParam(), N, K, 2),
                         other = random_weight_matrix(NumberType::f32, 50, K, 3);
      for (const bool accumulate : {false, true}) {
        std::vector<float> whole = random_floats(T * (N + 5), 3, 0), rows = whole, others(static_cast<size_t>(T * 50));
        Matmul product = {.x = x.data(),
                          .w = &w,
                          .y = whole.data(),
                          .bias = bias.data(),
                          .T = T,
                          .x_stride = K + 3,
                          .y_stride = N + 5,
                          .accumulate = accumulate,
                          .bfloats = true};
        const std::vector<double> reference = matmul_reference(product);
        {
          const ThreadCount threads(3);
          const Matmul products[] = {
              product, {.x = x.data(), .w = &other, .y = others.data(), .T = T, .x_stride = K + 3, .bfloats = true}};
          matmul(test_context(), products);
          EXPECT_LT(largest_error(others, matmul_reference(products[1])), 5e-6);
        }
        std::vector<float> got;
        for (int64_t t = 0; t < T; ++t) got.insert(got.end(), &whole[t * (N + 5)], &whole[t * (N + 5)] + N);
        EXPECT_LT(largest_error(got, reference), 2e-5);
        for (int64_t t = 0; t < T; ++t) {
          Matmul row = product;
          row.x += t * (K + 3);
          row.y = rows.data() + t * (N + 5);
          row.T = 1;
          matmul(test_context(), row);
        }
        EXPECT_EQ(rows, whole);
      }
    }
  });
}

TEST_P(MatmulTypes, PassesOnWhatIsNotANumber) {
  on_every_target([] {
    const int64_t K = columns(32);
    const WeightMatrix w = random_weight_matrix(GetParam(), 2, K, 1);
    for (const float strange : {kNaN, std::numeric_limits<float>::infinity()}) {
      std::vector<float> x(static_cast<size_t>(K), 1.0f);
      x[5] = strange, x[6] = -strange;
      EXPECT_THAT(product_of_row(w, x), Each(Truly([](float value) { return !std::isfinite(value); })));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Types, MatmulTypes, ::testing::ValuesIn(matrix_types()),
                         [](const auto& test) { return std::string(number_type_name(test.param)); });

// The largest values of both sides: an intermediate sum that is too narrow would wrap or saturate.
TEST(Matmul, SumsTheLargestIntegersExactly) {
  on_every_target([] {
    for (const int sign : {1, -1}) {
      std::vector<float> x(64);
      for (size_t i = 0; i < 64; ++i) x[i] = static_cast<float>(sign * (i % 3 == 2 ? -127 : 127));
      int64_t sum = 0;
      for (const float value : x) sum += static_cast<int64_t>(value);

      std::vector<BlockQ8_0> q8(4 * 2);
      for (size_t i = 0; i < q8.size(); ++i) {
        q8[i].scale = 0x3C00;  // 1
        std::fill_n(q8[i].values, kWeightBlock, static_cast<int8_t>(i / 2 % 2 ? -128 : 127));
      }
      const WeightMatrix w8(test_context(), NumberType::q8_0, 4, 64, q8.data());
      const auto wide = static_cast<float>(127 * sum), low = static_cast<float>(-128 * sum);
      EXPECT_THAT(product_of_row(w8, x), ElementsAreArray({wide, low, wide, low}));

      std::vector<BlockQ4_1> q4(4 * 2);
      for (BlockQ4_1& block : q4) {
        block.scale = 0x3C00, block.minimum = 0x4000;  // 1, 2
        std::fill_n(block.values, kWeightBlock / 2, uint8_t{0xFF});
      }
      const WeightMatrix w4(test_context(), NumberType::q4_1, 4, 64, q4.data());
      EXPECT_THAT(product_of_row(w4, x), Each(static_cast<float>(17 * sum)));
    }
  });
}

// All bits of the weights set, the largest of all types. A sum that wraps is off by more than 16.
TEST(Matmul, SumsTheLargestIntegersOfKTypesExactly) {
  on_every_target([] {
    for (const NumberType type : kSuperBlockTypes) {
      std::vector<std::byte> rows(static_cast<size_t>(4 * stored_bytes(type, kSuperBlock)), std::byte{0xFF});
      put_super_block_scales(type, rows, [] { return 1.0f; });
      const WeightMatrix w(test_context(), type, 4, kSuperBlock, rows.data());
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> x(kSuperBlock, 127 * sign), y = product_of_row(w, x);
        const std::vector<double> wanted = matmul_reference({.x = x.data(), .w = &w, .T = 1});
        for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(y[i], wanted[i], 0.05) << number_type_name(type);
      }
    }
  });
}

TEST(Matmul, RefusesProductsOfDifferentX) {
  const WeightMatrix w = random_weight_matrix(NumberType::f32, 2, 3, 1);
  std::vector<float> x(6), y(2);
  const Matmul products[] = {{.x = x.data(), .w = &w, .y = y.data(), .T = 1},
                             {.x = x.data() + 3, .w = &w, .y = y.data(), .T = 1}};
  EXPECT_THAT([&] { matmul(test_context(), products); }, ThrowsMessage<Error>(HasSubstr("the same x")));
}

}  // namespace
}  // namespace t6
