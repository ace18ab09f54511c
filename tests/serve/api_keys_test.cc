#include "t6/serve/http/api_keys.h"

#include <gmock/gmock.h>

#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

class ApiKeysTest : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& text) const { return folder_.write("keys", text); }
  TemporaryFolder folder_;
};

TEST_F(ApiKeysTest, KnowsTheKeysOfAFile) {
  const ApiKeys keys(file("# ours\nfirst\n\nsecond\r\n"));
  EXPECT_TRUE(keys.wanted());
  EXPECT_TRUE(keys.known("first"));
  EXPECT_TRUE(keys.known("second"));
  for (const char* other : {"", "firs", "firstt", "first ", "# ours", "First", "secondfirst"}) {
    EXPECT_FALSE(keys.known(other)) << other;
  }
  EXPECT_FALSE(ApiKeys().wanted());
}

TEST_F(ApiKeysTest, RefusesAFileWithoutKeys) {
  EXPECT_THAT(error_of([&] { ApiKeys(file("# nothing\n")); }), HasSubstr("holds no key"));
  EXPECT_THAT(error_of([&] { ApiKeys(file("a b\n")); }), HasSubstr("line 1"));
  EXPECT_NE(error_of([&] { ApiKeys(folder_.path() / "none"); }), "");
}

TEST(ShownKey, IsOfEitherHeader) {
  const auto shown = [](HttpHeaders headers) {
    const HttpRequest request = {"GET", "/", std::move(headers), "", ""};
    return std::string(shown_key(request));
  };
  EXPECT_EQ(shown({{"authorization", "Bearer abc"}}), "abc");
  EXPECT_EQ(shown({{"authorization", "bearer abc"}}), "abc");
  EXPECT_EQ(shown({{"x-api-key", "abc"}}), "abc");
  EXPECT_EQ(shown({{"authorization", "Basic abc"}}), "");
  EXPECT_EQ(shown({{"authorization", "Bearer "}}), "");
  EXPECT_EQ(shown({}), "");
}

}  // namespace
}  // namespace t6
