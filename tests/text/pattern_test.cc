#include "t6/text/tokenizer/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer/pattern_syntax.h"
#include "t6/text/tokenizer/pre_tokenizer.h"

namespace t6 {
namespace {

std::vector<std::string> words(const char* json, std::string_view text) {
  const PreTokenizer pre_tokenizer(Json::parse(json), "test");
  Pattern::Scratch scratch;
  std::vector<std::string> result;
  pre_tokenizer.split(text, scratch, [&](std::string_view word) { result.emplace_back(word); });
  return result;
}

std::vector<std::string> split(const std::string& pattern, const std::string& behavior, std::string_view text,
                               bool invert = false) {
  const Json json = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", invert}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  return words(json.dump().c_str(), text);
}

using Words = std::vector<std::string>;

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

TEST(Pattern, GivesUpOnEndlessBacktracking) {
  const Pattern pattern("(a+)+b", false, "evil.json");
  Pattern::Scratch scratch;
  EXPECT_THROW(pattern.find(std::string(10'000, 'a') + "\nb", 0, scratch), Error);
}

TEST(Pattern, LongRunsOfSpacesAreNotEndless) {
  const std::string text = std::string(8 << 20, ' ') + "x";
  const auto result = split(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", "Isolated", text);
  ASSERT_EQ(result.size(), 3u);
  EXPECT_EQ(result[0].size(), (8u << 20) - 1);
}

TEST(PreTokenizer, HasHuggingFacesBehaviors) {
  EXPECT_EQ(split("-", "Isolated", "a--b"), (Words{"a", "-", "-", "b"}));
  EXPECT_EQ(split("-", "Removed", "a--b"), (Words{"a", "b"}));
  EXPECT_EQ(split("-", "MergedWithPrevious", "a--b-"), (Words{"a-", "-", "b-"}));
  EXPECT_EQ(split("-", "MergedWithNext", "-a--b"), (Words{"-a", "-", "-b"}));
  EXPECT_EQ(split("-", "Contiguous", "a--b"), (Words{"a", "--", "b"}));
  EXPECT_EQ(split("[a-z]+", "Removed", "ab--cd", true), (Words{"ab", "cd"}));
  EXPECT_EQ(split("x*", "Isolated", "axxé"), (Words{"a", "xx", "é"}));  // empty matches cut, and end
}

TEST(PreTokenizer, CutsLikeGpt2) {
  const char* json = R"({"type": "ByteLevel", "add_prefix_space": true, "use_regex": true})";
  EXPECT_EQ(words(json, "I'll see 12 cats!!  \n ok"),
            (Words{" I", "'ll", " see", " 12", " cats", "!!", "  \n", " ok"}));
  EXPECT_EQ(words(json, " a"), (Words{" a"}));
  EXPECT_EQ(words(json, ""), Words{});
}

TEST(PreTokenizer, TakesAPlainStringLiterally) {
  const char* json = R"({"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"String": "a.b"}, "behavior": "Removed", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";
  EXPECT_EQ(words(json, "axba.bc"), (Words{"axb", "c"}));
}

}  // namespace
}  // namespace t6
