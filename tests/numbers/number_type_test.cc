#include "t6/numbers/number_type.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/numbers/stored_number.h"
#include "t6/numbers/weight_type.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(NumberTypes, CountWholeBlocks) {
  EXPECT_EQ(stored_bytes(NumberType::f32, 5), 20);
  EXPECT_EQ(stored_bytes(NumberType::boolean, 5), 5);
  EXPECT_EQ(stored_bytes(NumberType::q4_k, 512), 288);
  EXPECT_EQ(stored_bytes(NumberType::i4, 64), 32);
  EXPECT_EQ(stored_bytes(NumberType::i4, 33), 32);
  EXPECT_EQ(stored_bytes(NumberType::i4, 0), 0);
}

TEST(NumberTypes, AreFoundByName) {
  for (const NumberTypeInfo& info : kNumberTypes) {
    EXPECT_EQ(find_number_type(info.name, std::span(&info.type, 1)), info.type);
  }
  constexpr NumberType kSome[] = {NumberType::f32, NumberType::q4_k};
  EXPECT_EQ(find_number_type("F16", kSome), std::nullopt);
  EXPECT_EQ(number_type_names(kSome), "F32, Q4_K");
}

TEST(WeightTypes, HaveNames) {
  for (const NumberType type : kWeightTypes) EXPECT_EQ(find_weight_type(weight_type_name(type)), type);
  EXPECT_EQ(weight_type_name(NumberType::q8_0), "q8");
  EXPECT_EQ(weight_type_name(NumberType::q4_1), "q4");
  EXPECT_EQ(find_weight_type("q5"), std::nullopt);
  EXPECT_THAT([] { weight_type_name(NumberType::i4); }, ThrowsMessage<Error>(HasSubstr("weights cannot be I4")));
}

TEST(StoredNumbers, ArePackedFourBitsApart) {
  std::vector<std::byte> row(32, std::byte{0xFF});
  for (int i = 0; i < 64; ++i) store_number<NumberType::i4>(static_cast<float>(i % 16 - 8), row.data(), i);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(load_number<NumberType::i4>(row.data(), i), i % 16 - 8) << i;
  EXPECT_EQ(row[3], std::byte{0xBB});  // numbers 3 and 19, -5 both
  store_number<NumberType::i4>(2.5f, row.data(), 35);
  store_number<NumberType::i4>(-1.4f, row.data(), 51);
  EXPECT_EQ(row[19], std::byte{0xF2});
}

TEST(StoredNumbers, RoundToTheNearest) {
  std::byte row[8];
  store_number<NumberType::i8>(-126.5f, row, 1);
  EXPECT_EQ(load_number<NumberType::i8>(row, 1), -126);
  store_number<NumberType::f16>(1.0f / 3, row, 3);
  EXPECT_NEAR(load_number<NumberType::f16>(row, 3), 1.0 / 3, 1e-4);
  store_number<NumberType::bf16>(1.0f / 3, row, 0);
  EXPECT_NEAR(load_number<NumberType::bf16>(row, 0), 1.0 / 3, 1e-3);
}

}  // namespace
}  // namespace t6
