#include "t6/text/tokenizer/byte_level.h"

#include <gtest/gtest.h>

namespace t6 {
namespace {

TEST(ByteLevel, SpellsBytesLikeGpt2) {
  EXPECT_EQ(byte_level_spelling(" the\n"), "ĠtheĊ");
  EXPECT_EQ(byte_level_spelling(std::string("\x00\xAD\x7F", 3)), "ĀŃġ");
  EXPECT_EQ(byte_level_bytes("ĠtheĊ"), " the\n");
  EXPECT_FALSE(byte_level_bytes("a b").has_value());  // a space is never spelled as itself
  EXPECT_FALSE(byte_level_bytes("中").has_value());
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes(1, static_cast<char>(byte));
    EXPECT_EQ(byte_level_bytes(byte_level_spelling(bytes)), bytes);
  }
}

}  // namespace
}  // namespace t6
