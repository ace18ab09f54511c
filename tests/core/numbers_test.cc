#include "t6/core/numbers.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "t6/core/error.h"
#include "t6/core/random.h"

namespace t6 {
namespace {

TEST(ParseBytes, KnowsUnits) {
  EXPECT_EQ(parse_bytes("1024"), 1024);
  EXPECT_EQ(parse_bytes("16GiB"), 16ll << 30);
  EXPECT_EQ(parse_bytes("16 gib"), 16ll << 30);
  EXPECT_EQ(parse_bytes("16G"), 16ll << 30);
  EXPECT_EQ(parse_bytes("1.5KB"), 1500);
  EXPECT_EQ(parse_bytes("512MB"), 512'000'000);
  EXPECT_EQ(parse_bytes("7B"), 7);
}

TEST(ParseBytes, RefusesTheRest) {
  for (const char* text : {"", "GiB", "-1", "0", "12xyz", "1e30", "nan", "inf", "16GiBB", "1 2"}) {
    EXPECT_THROW(parse_bytes(text), Error) << text;
  }
}

TEST(Format, IsReadable) {
  EXPECT_EQ(format_bytes(1536), "1.50 KiB");
  EXPECT_EQ(format_count(1234567), "1.23 M");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_digits(0), "0");
  EXPECT_EQ(format_digits(-1234567), "-1,234,567");
  EXPECT_EQ(format_digits(123), "123");
  EXPECT_EQ(format_seconds(59.2), "59s");
  EXPECT_EQ(format_seconds(3725), "1h02m");
  EXPECT_EQ(format_seconds(NAN), "?");
}

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
}

TEST(Random, IsTheSameEverywhere) {
  Random random(1, 2);
  const uint64_t first = random.next();
  EXPECT_EQ(Random(1, 2).next(), first);
  EXPECT_NE(Random(1, 3).next(), first);
  EXPECT_NE(Random(2, 2).next(), first);
}

TEST(Random, IsUniform) {
  Random random(7);
  double sum = 0, squares = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.uniform();
    ASSERT_TRUE(x >= 0 && x < 1);
    sum += x;
    squares += x * x;
    ASSERT_LT(random.below(10), 10u);
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 4 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 4 * std::sqrt(4.0 / 45 / kDraws));
}

}  // namespace
}  // namespace t6
