#include "t6/kernels/linear/matrix_tiles.h"

#include <array>
#include <cstring>

#include "t6/core/error.h"
#include "t6/kernels/aligned_buffer.h"
#include "t6/kernels/matmul.h"
#include "t6/numbers/half.h"
#include "tests/error_of.h"
#include "tests/kernels/kernel_test.h"
#include "tests/kernels/random_weight_matrix.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

#define T6_NEEDS_MATRIX_TILES() \
  if (!has_matrix_tiles()) GTEST_SKIP() << "no matrix tiles on this machine"

TEST(MatrixTiles, CanBeForbiddenAndNothingElse) {
  EXPECT_TRUE(wants_matrix_tiles(nullptr));
  EXPECT_TRUE(wants_matrix_tiles(""));
  EXPECT_FALSE(wants_matrix_tiles("off"));
  EXPECT_THAT(error_of([] { wants_matrix_tiles("on"); }), HasSubstr("T6_MATRIX_TILES is \"on\"; wanted \"off\""));
  const bool had = has_matrix_tiles();
  allow_matrix_tiles(false);
  EXPECT_FALSE(has_matrix_tiles());
  allow_matrix_tiles(true);
  EXPECT_EQ(has_matrix_tiles(), had);
}

constexpr int64_t kSums = kMostTileRows * kTileLanes;

// Bytes with every value, the largest ones often, `bytes` of them.
std::vector<uint8_t> extreme_bytes(size_t bytes, uint64_t seed) {
  constexpr std::array<uint8_t, 4> kLargest = {0, 127, 128, 255};
  std::vector<uint8_t> numbers(bytes);
  Random random(seed);
  for (uint8_t& number : numbers) {
    number = random.below(2) ? kLargest[random.below(4)] : static_cast<uint8_t>(random.below(256));
  }
  return numbers;
}

TEST(MatrixTiles, MultiplyBytesExactly) {
  T6_NEEDS_MATRIX_TILES();
  constexpr int64_t kStride = 83, kCount = 5;
  for (const int64_t depth : {16, 32}) {
    for (const int64_t rows : {1, 7, 16}) {
      SCOPED_TRACE(fmt::format("depth {} rows {}", depth, rows));
      const auto x = extreme_bytes(static_cast<size_t>(kStride * (rows - 1) + kCount + depth), 1);
      const auto w = extreme_bytes(static_cast<size_t>(kCount * depth * kTileLanes), 2);
      const auto* signed_x = reinterpret_cast<const int8_t*>(x.data());
      const int8_t* from[kCount];
      const std::byte* weights[kCount];
      for (int64_t i = 0; i < kCount; ++i) {
        from[i] = signed_x + i;
        weights[i] = reinterpret_cast<const std::byte*>(w.data()) + i * depth * kTileLanes;
      }
      std::vector<int32_t> sums(static_cast<size_t>(kCount * kSums), -7), wanted = sums;
      for (int64_t i = 0; i < kCount; ++i) {
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t lane = 0; lane < kTileLanes; ++lane) {
            int32_t sum = 0;
            for (int64_t k = 0; k < depth; ++k) {
              sum +=
                  from[i][r * kStride + k] * std::to_integer<int>(weights[i][(k / 4 * kTileLanes + lane) * 4 + k % 4]);
            }
            wanted[static_cast<size_t>(i * kSums + r * kTileLanes + lane)] = sum;
          }
        }
      }
      const MatrixTiles tiles(rows, depth);
      multiply_byte_tiles(from, kStride, weights, kCount, sums.data());
      EXPECT_EQ(sums, wanted);  // rows past the last stay as they were
    }
  }
}

TEST(MatrixTiles, MultiplyBfloats) {
  T6_NEEDS_MATRIX_TILES();
  constexpr int64_t kSteps = 3, kDepth = kSteps * kMatrixTileDepth;
  const auto a_floats = random_floats(kMatrixTileRows * kDepth, 1, 0);
  const auto b_floats = random_floats(kMatrixTileColumns * kDepth, 2, 0);
  std::vector<uint16_t> a(a_floats.size()), b(b_floats.size());
  std::vector<double> wanted(kMatrixTileRows * kMatrixTileColumns);
  for (int64_t r = 0; r < kMatrixTileRows; ++r) {
    for (int64_t c = 0; c < kMatrixTileColumns; ++c) {
      for (int64_t k = 0; k < kDepth; ++k) {
        const auto i =
            static_cast<size_t>((k / kMatrixTileDepth * kMatrixTileRows + r) * kMatrixTileDepth + k % kMatrixTileDepth);
        const auto j = static_cast<size_t>((k / 2 * kMatrixTileColumns + c) * 2 + k % 2);
        a[i] = bfloat16_from_float(a_floats[i]);
        b[j] = bfloat16_from_float(b_floats[j]);
        wanted[static_cast<size_t>(r * kMatrixTileColumns + c)] +=
            double{float_from_bfloat16(a[i])} * float_from_bfloat16(b[j]);
      }
    }
  }
  std::vector<float> a_pairs(a.size() / 2), b_pairs(b.size() / 2), sums(wanted.size(), kNaN);
  std::memcpy(a_pairs.data(), a.data(), a.size() * sizeof(uint16_t));
  std::memcpy(b_pairs.data(), b.data(), b.size() * sizeof(uint16_t));
  const MatrixTiles tiles(kMostTileRows, int64_t{kMatrixTileDepth} * 2);
  BfloatTileProduct product = {.a = a_pairs.data(),
                               .a_row = kMatrixTileDepth * 2,
                               .a_step = kMatrixTileDepth * 2 * kMatrixTileRows,
                               .b = b_pairs.data(),
                               .b_row = kMatrixTileColumns * 4,
                               .b_half = kTileLanes * 4,
                               .c = sums.data(),
                               .c_row = kMatrixTileColumns * 4,
                               .steps = kSteps};
  multiply_bfloat_matrix_tile(product);
  EXPECT_LT(largest_error(sums, wanted), 1e-6);
  product.accumulate = true;
  multiply_bfloat_matrix_tile(product);
  for (double& sum : wanted) sum *= 2;
  EXPECT_LT(largest_error(sums, wanted), 1e-6);
}

#if defined(__SANITIZE_ADDRESS__)

// Which does not know the instructions, and sees memory of a buffer that was larger before.
TEST(MatrixTilesDeathTest, AddressSanitizerSeesRowsThatAreNotThere) {
  T6_NEEDS_MATRIX_TILES();
  constexpr int64_t kTile = int64_t{kMatrixTileRows} * kMatrixTileDepth / 2;  // floats
  AlignedBuffer a, b, c;
  const auto multiply = [&](int64_t a_size, int64_t b_size, int64_t c_size) {
    for (AlignedBuffer* buffer : {&a, &b, &c}) std::fill_n(buffer->reserve(8 * kTile), 8 * kTile, 0.0f);
    const MatrixTiles tiles(kMostTileRows, int64_t{kMatrixTileDepth} * 2);
    multiply_bfloat_matrix_tile({.a = a.reserve(a_size),
                                 .a_row = kMatrixTileDepth * 2,
                                 .a_step = kMatrixTileDepth * 2 * kMatrixTileRows,
                                 .b = b.reserve(b_size),
                                 .b_row = kMatrixTileColumns * 4,
                                 .b_half = kTileLanes * 4,
                                 .c = c.reserve(c_size),
                                 .c_row = kMatrixTileColumns * 4,
                                 .steps = 1});
  };
  multiply(kTile, kTile, 2 * kTile);
  EXPECT_DEATH(multiply(kTile - 1, kTile, 2 * kTile), "use-after-poison");
  EXPECT_DEATH(multiply(kTile, kTile - 1, 2 * kTile), "use-after-poison");
  EXPECT_DEATH(multiply(kTile, kTile, 2 * kTile - 1), "use-after-poison");
}

#endif

class MatrixTileTypes : public ::testing::TestWithParam<NumberType> {};

// 7 rows have no tile, 8 a small one, 24 a second one that reaches back, 137 two parts and a rest without.
TEST_P(MatrixTileTypes, GiveTheVectorsBits) {
  T6_NEEDS_MATRIX_TILES();
  for (const int64_t T : {7, 8, 15, 16, 24, 37, 137}) {
    const int64_t N = T > 16 ? 17 : 40,
                  K = GetParam() == NumberType::q8_0 || GetParam() == NumberType::q4_1 ? 352 : 512;
    SCOPED_TRACE(fmt::format("T {}", T));
    const auto x = random_floats(T * K, 1), bias = random_floats(N, 4);
    const WeightMatrix w = random_weight_matrix(GetParam(), N, K, 2);
    std::vector<float> with = random_floats(T * (N + 3), 3, 0), without = with;
    Matmul product = {.x = x.data(), .w = &w, .bias = bias.data(), .T = T, .y_stride = N + 3, .accumulate = true};
    product.y = with.data();
    matmul(test_context(), product);
    allow_matrix_tiles(false);
    product.y = without.data();
    matmul(test_context(), product);
    allow_matrix_tiles(true);
    EXPECT_EQ(with, without);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, MatrixTileTypes,
                         ::testing::Values(NumberType::q8_0, NumberType::q4_1, NumberType::q2_k, NumberType::q3_k,
                                           NumberType::q4_k, NumberType::q5_k, NumberType::q6_k),
                         [](const auto& test) { return std::string(number_type_name(test.param)); });

}  // namespace
}  // namespace t6
