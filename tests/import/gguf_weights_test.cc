#include "t6/import/gguf/weights.h"

#include <gmock/gmock.h>

#include <cmath>

#include "t6/core/error.h"
#include "t6/formats/safetensors.h"
#include "t6/import/import.h"
#include "t6/kernels/quantize.h"
#include "t6/numbers/dequantize.h"
#include "tests/context.h"
#include "tests/source_dir.h"

namespace t6 {
namespace {

class GgufWeights : public ::testing::Test {
 protected:
  // Of `type`, two rows of 256 numbers.
  std::span<const std::byte> blocks(NumberType type) const {
    return file_.at(std::string(number_type_name(type)) + ".blocks").bytes;
  }
  std::vector<float> numbers(NumberType type) const { return dequantize({type, {2, 256}, blocks(type)}); }
  std::vector<std::byte> converted(NumberType type) const {
    std::vector<std::byte> out(static_cast<size_t>(2 * stored_bytes(weight_type_of(type), 256)));
    convert_weights(test_context(), type, blocks(type), 256, out);
    return out;
  }
  // The numbers that T6 makes of them.
  std::vector<float> kept(NumberType type) const {
    const std::vector<std::byte> bytes = converted(type);
    return dequantize({weight_type_of(type), {2, 256}, bytes});
  }
  // The largest difference in the 32 numbers from `begin` on, of their largest magnitude.
  double block_error(NumberType type, size_t begin) const {
    const auto wanted = numbers(type), found = kept(type);
    double difference = 0, largest = 0x1p-14;  // smaller ones are none of float16's normal numbers
    for (size_t i = begin; i < begin + 32; ++i) {
      difference = std::max(difference, std::abs(double{found[i]} - wanted[i]));
      largest = std::max(largest, std::abs(double{wanted[i]}));
    }
    return difference / largest;
  }

  SafetensorsFile file_{source_dir() / "tests/numbers/gguf_blocks.safetensors"};
};

TEST_F(GgufWeights, KeepTheBytesOfTypesThatBothHave) {
  for (const NumberType type :
       {NumberType::f32, NumberType::f16, NumberType::bf16, NumberType::q8_0, NumberType::q4_1}) {
    EXPECT_EQ(weight_type_of(type), type);
    EXPECT_TRUE(std::ranges::equal(converted(type), blocks(type))) << number_type_name(type);
    EXPECT_EQ(kept(type), numbers(type)) << number_type_name(type);
  }
}

TEST_F(GgufWeights, KeepTheNumbersOfQ4_0) {
  EXPECT_EQ(weight_type_of(NumberType::q4_0), NumberType::q4_1);
  const auto wanted = numbers(NumberType::q4_0), found = kept(NumberType::q4_0);
  // scale * q - 8 scale and scale * (q - 8) round differently.
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-6);
}

TEST_F(GgufWeights, RoundScalesOfQ4KToFloat16) {
  EXPECT_EQ(weight_type_of(NumberType::q4_k), NumberType::q4_1);
  const auto wanted = numbers(NumberType::q4_k), found = kept(NumberType::q4_k);
  for (size_t begin = 0; begin < 512; begin += 32) {
    // Both terms of scale * q - minimum are off by 2^-11 of themselves at most, and their difference has to bear it.
    double terms = 0;
    for (size_t i = begin; i < begin + 32; ++i) terms = std::max(terms, std::abs(double{wanted[i]}));
    terms += 2 * 63 * 0.5;  // a minimum of the file's: 63 times a scale below 0.5
    for (size_t i = begin; i < begin + 32; ++i) EXPECT_NEAR(found[i], wanted[i], terms / 2048) << i;
  }
}

TEST_F(GgufWeights, RoundOtherBitsToEight) {
  for (const NumberType type :
       {NumberType::q5_0, NumberType::q5_1, NumberType::q5_k, NumberType::q6_k, NumberType::q2_k, NumberType::q3_k,
        NumberType::iq4_nl, NumberType::iq4_xs, NumberType::iq3_s, NumberType::iq3_xxs, NumberType::iq2_s,
        NumberType::iq2_xs, NumberType::iq2_xxs, NumberType::iq1_s, NumberType::iq1_m, NumberType::tq1_0,
        NumberType::tq2_0, NumberType::mxfp4}) {
    EXPECT_EQ(weight_type_of(type), NumberType::q8_0);
    // Half a step of largest / 127, and the scale's own rounding to float16.
    for (size_t begin = 0; begin < 512; begin += 32) {
      EXPECT_LE(block_error(type, begin), 0.5 / 127 + 1.0 / 2048) << number_type_name(type) << " " << begin;
    }
  }
}

TEST_F(GgufWeights, MatricesAreWhatWasConvertedAtOnce) {
  for (const NumberType type : {NumberType::f16, NumberType::q8_0, NumberType::q4_0, NumberType::q2_k, NumberType::q3_k,
                                NumberType::q4_k, NumberType::q5_k, NumberType::q6_k, NumberType::iq4_xs}) {
    // Rows more than a group of a matrix has, and not a whole number of groups.
    std::vector<std::byte> rows;
    for (int i = 0; i < 19; ++i) rows.insert(rows.end(), blocks(type).begin(), blocks(type).end());
    const TensorView view = {type, {38, 256}, rows};
    const WeightMatrix matrix = weight_matrix(test_context(), view);
    EXPECT_EQ(matrix.type(), matrix_type_of(type));
    // K types are multiplied as they are, others as they would be written.
    const std::vector<float> two = has_super_blocks(type) ? numbers(type) : kept(type);
    std::vector<float> row(256);
    for (int64_t i = 0; i < 38; ++i) {
      matrix.copy_row(i, row.data());
      EXPECT_TRUE(std::ranges::equal(row, std::span(two).subspan(i % 2 * 256, 256))) << number_type_name(type) << i;
    }
  }
  EXPECT_THAT(
      [] {
        weight_matrix(test_context(), {NumberType::i32, {1, 32}, {}});
      },
      ::testing::ThrowsMessage<Error>(::testing::HasSubstr("no type of weights")));
}

TEST_F(GgufWeights, KeepZerosAndRefuseScalesThatAreTooLarge) {
  std::vector<std::byte> zeros(22), out(34);
  convert_weights(test_context(), NumberType::q5_0, zeros, 32, out);  // scale 0
  EXPECT_THAT(dequantize({NumberType::q8_0, {1, 32}, out}), ::testing::Each(0.0f));

  std::vector<std::byte> large(18, std::byte{0x7b});  // scale 0x7b7b: 61280, eight times of which is too much
  std::vector<std::byte> four(20);
  EXPECT_THAT([&] { convert_weights(test_context(), NumberType::q4_0, large, 32, four); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("more than float16 holds")));
}

// Rows of a head of 4 that lie in the order 0, 2, 1, 3 of ours.
TEST_F(GgufWeights, MatricesSeePairedRowsInOurOrder) {
  for (const NumberType type : {NumberType::f32, NumberType::q8_0, NumberType::q4_0, NumberType::q6_k}) {
    std::vector<std::byte> rows;
    for (const int row : {0, 1, 1, 0, 1, 0, 1, 1}) {
      const auto half = blocks(type).size() / 2;
      const auto from = blocks(type).subspan(static_cast<size_t>(row) * half, half);
      rows.insert(rows.end(), from.begin(), from.end());
    }
    const TensorView paired = {type, {8, 256}, rows, 4};
    const std::vector<float> two = matrix_type_of(type) == type ? numbers(type) : kept(type), exact = numbers(type);
    const std::vector<float> all = dequantize(paired);
    const WeightMatrix matrix = weight_matrix(test_context(), paired);
    std::vector<float> found(256);
    for (const auto& [row, wanted] :
         std::vector<std::pair<int64_t, size_t>>{{0, 0}, {1, 1}, {2, 1}, {3, 0}, {4, 1}, {5, 1}, {6, 0}, {7, 1}}) {
      matrix.copy_row(row, found.data());
      EXPECT_TRUE(std::ranges::equal(found, std::span(two).subspan(wanted * 256, 256)))
          << number_type_name(type) << row;
      EXPECT_TRUE(std::ranges::equal(std::span(all).subspan(static_cast<size_t>(row) * 256, 256),
                                     std::span(exact).subspan(wanted * 256, 256)))
          << number_type_name(type) << row;
    }
  }
}

// Infinity as a scale, at the place of each float16 of a block.
TEST_F(GgufWeights, MatricesRefuseScalesThatAreNotFinite) {
  const std::vector<std::pair<NumberType, std::vector<size_t>>> places = {{NumberType::q2_k, {80, 82}},
                                                                          {NumberType::q3_k, {108}},
                                                                          {NumberType::q4_k, {0, 2}},
                                                                          {NumberType::q5_k, {0, 2}},
                                                                          {NumberType::q6_k, {208}}};
  for (const auto& [type, offsets] : places) {
    for (const size_t offset : offsets) {
      std::vector<std::byte> rows(blocks(type).begin(), blocks(type).end());
      // The second row's.
      rows[rows.size() / 2 + offset] = std::byte{0}, rows[rows.size() / 2 + offset + 1] = std::byte{0x7c};
      EXPECT_THAT(([&, kind = type] {
                    weight_matrix(test_context(), {kind, {2, 256}, rows});
                  }),
                  ::testing::ThrowsMessage<Error>(::testing::HasSubstr("scale is inf, more than float16 holds")))
          << number_type_name(type) << offset;
    }
  }
}

}  // namespace
}  // namespace t6
