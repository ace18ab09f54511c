#include "t6/core/units.h"
#include "t6/numbers/half.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"

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
  EXPECT_EQ(format_rate(5436.4), "5,436");
  EXPECT_EQ(format_rate(27.84), "27.8");
  EXPECT_EQ(format_rate(0.1773), "0.177");
  EXPECT_EQ(format_seconds(59.2), "59s");
  EXPECT_EQ(format_seconds(3725), "1h02m");
  EXPECT_EQ(format_seconds(NAN), "?");
}

}  // namespace
}  // namespace t6
