#include "t6/kernels/quantize.h"

#include "t6/core/error.h"
#include "t6/numbers/blocks.h"
#include "t6/numbers/dequantize.h"
#include "tests/context.h"
#include "tests/error_of.h"
#include "tests/kernels/kernel_test.h"
#include "tests/kernels/random_weight_matrix.h"

namespace t6 {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// About normal: a sum of uniform numbers.
std::vector<float> bell_numbers(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> numbers(count);
  for (float& x : numbers) {
    for (int i = 0; i < 6; ++i) x += static_cast<float>(0.02 * (random.uniform() - 0.5));
  }
  return numbers;
}

std::vector<float> round_trip(NumberType type, const std::vector<float>& numbers) {
  const auto count = static_cast<int64_t>(numbers.size());
  const auto size = static_cast<size_t>(stored_bytes(type, count));
  std::vector<uint32_t> stored((size + 3) / 4);
  quantize(test_context(), type, count, numbers.data(), stored.data());
  return dequantize({type, {count}, std::as_bytes(std::span(stored)).first(size)});
}

double mean_square(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return sum / static_cast<double>(a.size());
}

// The larger half-step of what is between two neighbours: half a step, or what rounding scale and minimum moves.
TEST(Quantize, RoundsToTheNearest) {
  on_every_target([] {
    const std::vector<float> x = bell_numbers(32 * 70, 1);
    for (const NumberType type : kWeightTypes) {
      SCOPED_TRACE(weight_type_name(type));
      const std::vector<float> back = round_trip(type, x);
      for (size_t b = 0; b < x.size(); b += 32) {
        const auto [low, high] =
            std::minmax_element(x.begin() + static_cast<int64_t>(b), x.begin() + static_cast<int64_t>(b) + 32);
        const float largest = std::max(-*low, *high);
        for (size_t i = b; i < b + 32; ++i) {
          const float most = type == NumberType::f32    ? 0
                             : type == NumberType::f16  ? std::max(std::abs(x[i]) / 2048, 6e-8f)
                             : type == NumberType::bf16 ? std::abs(x[i]) / 256
                             : type == NumberType::q8_0 ? 0.501f * largest / 127
                                                        : 1.5f * (*high - *low) / 15;
          EXPECT_LE(std::abs(x[i] - back[i]), most);
        }
      }
    }
  });
}

TEST(Quantize, FindsABetterScaleThanTheRange) {
  on_every_target([] {
    const std::vector<float> x = bell_numbers(32 * 200, 2);
    std::vector<float> plain(x.size());
    for (size_t b = 0; b < x.size(); b += 32) {
      const auto begin = x.begin() + static_cast<int64_t>(b);
      const auto [low, high] = std::minmax_element(begin, begin + 32);
      const float step = (*high - *low) / 15;
      for (size_t i = b; i < b + 32; ++i) plain[i] = *low + step * std::round((x[i] - *low) / step);
    }
    EXPECT_LT(mean_square(x, round_trip(NumberType::q4_1, x)), 0.85 * mean_square(x, plain));
  });
}

TEST(Quantize, KeepsWhatABlockCanHold) {
  on_every_target([] {
    for (const NumberType type : {NumberType::q8_0, NumberType::q4_1}) {
      SCOPED_TRACE(weight_type_name(type));
      std::vector<std::byte> stored = random_weight_rows(type, 1, 32 * 40, 3);
      if (type == NumberType::q8_0) {  // all values of [-127, 127], the largest in every block
        std::replace(stored.begin(), stored.end(), std::byte{0x80}, std::byte{0x81});
        for (size_t b = 0; b < 40; ++b) stored[b * sizeof(BlockQ8_0) + 2] = std::byte{127};
      }
      const std::vector<float> x = dequantize({type, {32 * 40}, stored});
      EXPECT_LT(mean_square(x, round_trip(type, x)), 1e-7);
      EXPECT_THAT(round_trip(type, std::vector<float>(64, 0.0f)), Each(0.0f));
      EXPECT_THAT(round_trip(NumberType::q4_1, std::vector<float>(64, -0.5f)), Each(-0.5f));
    }
  });
}

TEST(Quantize, ShowsWhatIsNotFinite) {
  on_every_target([] {
    for (const NumberType type : kWeightTypes) {
      for (const float strange : {kNaN, std::numeric_limits<float>::infinity()}) {
        std::vector<float> x(32, 1.0f);
        x[7] = strange;
        const auto back = round_trip(type, x);
        EXPECT_TRUE(std::any_of(back.begin(), back.end(), [](float v) { return !std::isfinite(v); }))
            << weight_type_name(type);
      }
    }
  });
}

TEST(Quantize, RefusesWhatIsNoWeightType) {
  const std::vector<float> x(32);
  std::vector<std::byte> out(256);
  EXPECT_THAT(error_of([&] { quantize(test_context(), NumberType::q5_0, 32, x.data(), out.data()); }),
              HasSubstr("weights cannot be Q5_0; wanted F32, BF16, F16, Q8_0, Q4_1"));
  EXPECT_THAT(error_of([&] { WeightMatrix(test_context(), NumberType::i8, 1, 32, out.data()); }),
              HasSubstr("weights cannot be I8"));
}

TEST(WeightMatrix, RefusesRowsOfNoWholeBlocks) {
  const std::vector<std::byte> rows(1024);
  EXPECT_THAT(error_of([&] { WeightMatrix(test_context(), NumberType::q4_1, 1, 48, rows.data()); }),
              HasSubstr("a matrix in blocks has 48 columns; wanted a multiple of 32"));
  EXPECT_THAT(error_of([&] { WeightMatrix(test_context(), NumberType::q6_k, 1, 288, rows.data()); }),
              HasSubstr("a matrix in blocks has 288 columns; wanted a multiple of 256"));
}

// As many bytes as in the file: only a block's float16 of its own fills a line.
TEST(WeightMatrix, KeepsKTypesInTheirOwnBits) {
  for (const NumberType type : kSuperBlockTypes) {
    const int64_t rows = 32, columns = 512, stored = rows * stored_bytes(type, columns);
    const auto numbers = random_weight_rows(type, rows, columns, 1);
    const WeightMatrix matrix(test_context(), type, rows, columns, numbers.data());
    const bool one_half = type == NumberType::q3_k || type == NumberType::q6_k;
    EXPECT_EQ(matrix.bytes(), stored + (one_half ? rows * columns / 256 * 2 : 0)) << number_type_name(type);
  }
}

TEST(WeightMatrix, GivesRowsBack) {
  for (const NumberType type : matrix_types()) {
    SCOPED_TRACE(number_type_name(type));
    for (const int64_t blocks : {1, 3}) {
      const int64_t rows = 19, columns = blocks * std::max(kWeightBlock, number_type_info(type).block_numbers);
      const auto stored = random_weight_rows(type, rows, columns, 5);
      const WeightMatrix matrix(test_context(), type, rows, columns, stored.data());
      const std::vector<float> wanted = dequantize({type, {rows, columns}, stored});
      std::vector<float> row(static_cast<size_t>(columns));
      for (int64_t n = 0; n < rows; ++n) {
        matrix.copy_row(n, row.data());
        EXPECT_THAT(row, ElementsAreArray(wanted.begin() + n * columns, wanted.begin() + (n + 1) * columns));
      }
    }
  }
}

}  // namespace
}  // namespace t6
