#include "t6/numbers/half.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>

namespace t6 {
namespace {

TEST(Bfloat16, RoundsToNearestEvenAndKeepsSpecialValues) {
  EXPECT_EQ(bfloat16_from_float(1.0f), 0x3f80);
  EXPECT_EQ(bfloat16_from_float(1.00390625f), 0x3f80);  // halfway, to even
  EXPECT_EQ(bfloat16_from_float(1.01171875f), 0x3f82);
  EXPECT_TRUE(std::isnan(float_from_bfloat16(bfloat16_from_float(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_EQ(bfloat16_from_float(std::numeric_limits<float>::max()), 0x7f80);
}

TEST(Float16, EveryValueSurvivesARoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = float_from_float16(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    EXPECT_EQ(float16_from_float(value), bits);
  }
  EXPECT_EQ(float16_from_float(65519.0f), 0x7bff);
  EXPECT_EQ(float16_from_float(65520.0f), 0x7c00);
  EXPECT_EQ(float16_from_float(-1e-8f), 0x8000);
  EXPECT_EQ(float16_from_float(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(float16_from_float(std::bit_cast<float>(0xff800001u)), 0xfe00);  // NaN
}

TEST(Float16, RoundsToNearestEven) {
  for (uint16_t bits = 0; bits < 0x7bff; ++bits) {
    const double low = float_from_float16(bits), high = float_from_float16(static_cast<uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);
    ASSERT_EQ(float16_from_float(middle), bits + bits % 2);
    ASSERT_EQ(float16_from_float(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(float16_from_float(std::nextafter(middle, 1e9f)), bits + 1);
  }
}

}  // namespace
}  // namespace t6
