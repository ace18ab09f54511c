#include "t6/text/utf8.h"

#include <gtest/gtest.h>

namespace t6 {
namespace {

std::string replaced(std::string_view text) {
  std::string out;
  append_valid_utf8(text, out);
  return out;
}

TEST(Utf8, KnowsWhatIsValid) {
  for (const char* text : {"", "plain", "é", "中", "😀", "\u07FF\u0800\uD7FF\uE000\uFFFF\U00010000\U0010FFFF"}) {
    EXPECT_TRUE(is_valid_utf8(text)) << text;
  }
  // A lone continuation, overlong forms, a surrogate, above U+10FFFF, cut short, bytes that never occur.
  for (const char* text : {"\x80", "\xC0\x80", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                           "\xC3", "\xE4\xB8", "long enough for eight bytes \xFF", "\xF5\x80\x80\x80"}) {
    EXPECT_FALSE(is_valid_utf8(text)) << text;
  }
}

// The numbers of U+FFFD are Python's.
TEST(Utf8, ReplacesMaximalSubparts) {
  const std::string r = "\uFFFD";
  EXPECT_EQ(replaced("a\xF0\x9F\x98z"), "a" + r + "z");
  EXPECT_EQ(replaced("\xED\xA0\x80"), r + r + r);
  EXPECT_EQ(replaced("\xF4\x90\x80\x80"), r + r + r + r);
  EXPECT_EQ(replaced("\xE4\xB8\xE4\xB8\xAD\xC3"), r + "中" + r);
  EXPECT_EQ(replaced("plain, valid é"), "plain, valid é");
}

TEST(Utf8, FindsSequencesThatMayGoOn) {
  EXPECT_EQ(incomplete_utf8_tail("a"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xC3"), 1u);
  EXPECT_EQ(incomplete_utf8_tail("a\xE4\xB8"), 2u);
  EXPECT_EQ(incomplete_utf8_tail("\xF0\x9F\x98"), 3u);
  EXPECT_EQ(incomplete_utf8_tail("\xF0\x9F\x98\x80"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xED\xA0"), 0u);  // a surrogate, whatever comes
  EXPECT_EQ(incomplete_utf8_tail("\xFF"), 0u);
}

TEST(Utf8, DecodesWhatItEncodes) {
  for (const char32_t code_point : {0x0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    append_utf8(code_point, text);
    EXPECT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(decode_utf8(text + "tail"), code_point);
  }
}

}  // namespace
}  // namespace t6
