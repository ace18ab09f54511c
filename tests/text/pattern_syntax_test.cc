#include "t6/text/tokenizer/pattern_syntax.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "tests/text/split_words.h"

namespace t6 {
namespace {

TEST(PatternSyntax, MeansWhatOnigurumaMeans) {
  EXPECT_EQ(pcre_from_oniguruma(R"([^\s]+|\S)", "t"), R"([^\p{White_Space}]+|\P{White_Space})");
  // U+180E was White_Space until Unicode 6.3, and PCRE2's \s still has it.
  EXPECT_EQ(split(R"(\s)", "Removed", "a\u180Eb c\u00A0d\u0085e"), (Words{"a\u180Eb", "c", "d", "e"}));
  // Letters and digits of Unicode 15 and 16, and a Han character of 15.
  EXPECT_EQ(split(R"(\p{L}+)", "Removed", "1\U00010D50\U0001E4D0\U000323A0é2"), (Words{"1", "2"}));
  EXPECT_EQ(split(R"(\P{N}+)", "Removed", "a\U0001E4F0b"), (Words{"\U0001E4F0"}));
  EXPECT_EQ(split(R"([^\p{N}a]+)", "Removed", "a\U0001E4F0b"), (Words{"a\U0001E4F0"}));
  EXPECT_EQ(split(R"(^b)", "Isolated", "b\nbb"), (Words{"b", "\n", "b", "b"}));
  EXPECT_EQ(split(R"((?i)K)", "Removed", "akKb"), (Words{"a", "b"}));
}

TEST(PatternSyntax, RefusesWhatMeansSomethingElse) {
  const auto refused = [](const char* pattern) {
    try {
      pcre_from_oniguruma(pattern, "t.json: pattern");
      return std::string("not refused");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  for (const char* pattern : {R"(\h)",     R"((?i:a|Ss))",   R"(\w)",         R"(\b)",          R"(a{2,3}+)",
                              R"(a{2}?)",  R"(a{,3})",       R"([a&&b])",     R"([[:alpha:]])", R"([]a])",
                              R"((?m:.))", R"((?#comment))", R"((?<name>a))", R"((*UTF))",      R"(\x41)",
                              R"(\pL)",    R"(\p{Han})",     R"(\1)",         R"(a\)",          "[a"}) {
    EXPECT_THAT(refused(pattern),
                testing::AllOf(testing::HasSubstr("t.json: pattern"), testing::HasSubstr("not supported")))
        << pattern;
  }
}

}  // namespace
}  // namespace t6
