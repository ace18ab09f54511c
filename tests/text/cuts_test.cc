#include "t6/text/documents/cuts.h"

#include <gtest/gtest.h>

#include <string>

namespace t6 {
namespace {

TEST(SafeCut, PrefersALineThatBeginsWithALetterOrDigit) {
  EXPECT_EQ(safe_cut("one two\nthree four", 12), 8u);
  EXPECT_EQ(safe_cut("one two.\n3 four", 12), 9u);
  EXPECT_EQ(safe_cut("ein Wort\n\xc3\xa4pfel und mehr", 12), 9u);  // ä
  EXPECT_EQ(safe_cut("abcdefgh\n\xe3\x81\x82 and more", 12), 9u);  // あ
}

TEST(SafeCut, PassesOverLinesThatATokenMayJoin) {
  // GPT-2 makes one token of several line ends, of a line end and the spaces after it; others join "/" to it.
  for (const char* text : {"one two\n\nthree four", "one two\n three four", "one two\n/three four",
                           "one two\n\xe3\x80\x80three fo", "one two\n\xc2\xa0three fo"}) {
    const size_t cut = safe_cut(text, 12);
    EXPECT_TRUE(cut < 7 || text[cut - 1] != '\n') << text << " is cut at " << cut;
  }
  EXPECT_EQ(safe_cut("one two \nthree four", 12), 12u);  // white space before the line end
}

TEST(SafeCut, ElseBeforeASpaceBetweenLetters) {
  EXPECT_EQ(safe_cut("one two three four", 10), 7u);
  EXPECT_EQ(safe_cut("one two, 3 four", 10), 10u);  // no such space: at a character
}

TEST(SafeCut, ElseAtTheEndOfACharacter) {
  const std::string accents = "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9";
  EXPECT_EQ(safe_cut(accents, 5), 4u);
  EXPECT_EQ(safe_cut(accents, 6), 6u);
  EXPECT_EQ(safe_cut("\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 7), 4u);
  EXPECT_EQ(safe_cut(std::string(20, '\x80'), 9), 9u);  // not UTF-8 at all
}

TEST(ParagraphCut, PrefersBlankLinesThenLinesThenWords) {
  EXPECT_EQ(paragraph_cut("one\n\ntwo\nthree four", 9), 5u);
  EXPECT_EQ(paragraph_cut("one\n\n\n\ntwo\nthree", 9), 7u);  // the whole blank goes with the first
  EXPECT_EQ(paragraph_cut("one\r\n\r\ntwo\r\nthree", 10), 7u);
  EXPECT_EQ(paragraph_cut("one two\nthree four", 12), 8u);
  EXPECT_EQ(paragraph_cut("one two three four", 10), 7u);
  EXPECT_EQ(paragraph_cut("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 5), 4u);
}

TEST(IsBlank, MeansNothingButWhiteSpace) {
  EXPECT_TRUE(is_blank(""));
  EXPECT_TRUE(is_blank(" \t\r\n"));
  EXPECT_FALSE(is_blank(" a "));
}

}  // namespace
}  // namespace t6
