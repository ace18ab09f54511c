#include "t6/text/tokenizer/pattern.h"

#include <gtest/gtest.h>

#include "t6/core/error.h"
#include "tests/text/split_words.h"

namespace t6 {
namespace {

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

}  // namespace
}  // namespace t6
