#include "t6/text/python_text.h"

#include <gmock/gmock.h>

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Values of Python 3.11.
TEST(PythonText, StripsAndSplitsAtUnicodesWhiteSpace) {
  EXPECT_EQ(python_strip(" \u00a0\u3000a b\x1f\n"), "a b");
  EXPECT_EQ(python_strip(" \n"), "");
  EXPECT_THAT(python_split("a\u2003b\u0085c\u200bd "), ElementsAre("a", "b", "c\u200bd"));
  EXPECT_THAT(python_split(" "), IsEmpty());
}

TEST(PythonText, FindsWordsAndNumbers) {
  EXPECT_THAT(python_words("a_1, naïve-x² e\u0301 中文。"), ElementsAre("a_1", "naïve", "x²", "e", "中文"));
  EXPECT_THAT(python_words("..."), IsEmpty());
  EXPECT_THAT(python_numbers("12 a3b ٣４ x² 1.5"), ElementsAre("12", "3", "٣４", "1", "5"));
}

TEST(PythonText, LowersAndCountsCodePoints) {
  EXPECT_EQ(python_lower("ÀΣ ΟΔΟΣ İ"), "àς οδος i\u0307");
  EXPECT_THAT(python_code_points("a中😀"), ElementsAre(U'a', U'中', U'😀'));
}

}  // namespace
}  // namespace t6
