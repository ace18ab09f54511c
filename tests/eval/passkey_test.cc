#include "t6/eval/passkey.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "tests/error_of.h"
#include "tests/infer/engine_models.h"
#include "tests/infer/model_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Passkey, DepthsAreEven) {
  EXPECT_THAT(passkey_depths(1), ElementsAre(50));
  EXPECT_THAT(passkey_depths(2), ElementsAre(0, 100));
  EXPECT_THAT(passkey_depths(4), ElementsAre(0, 33, 67, 100));
  EXPECT_THAT(error_of([] { (void)passkey_depths(0); }), HasSubstr("not 0"));
}

TEST(Passkey, DocumentsFillTheirLengthWithTheirAnswer) {
  const LoadedModel loaded = loaded_as(byte_config(), 4096);
  const PasskeyOptions passkey{.lengths = {1000, 4096}, .depths = 3, .samples = 2};
  const ChatTemplate chat = built_in_chat_template("chatml", *loaded.tokenizer);
  for (const ChatTemplate* each : {static_cast<const ChatTemplate*>(nullptr), &chat}) {
    const AnswerOptions options{.chat = each};
    const auto documents = passkey_documents(loaded, passkey, options);
    ASSERT_EQ(documents.size(), 12u);
    for (size_t i = 0; i < documents.size(); ++i) {
      const int64_t size = std::ssize(prompt_tokens(loaded, documents[i], options)) + documents[i].max_tokens;
      const int64_t length = passkey.lengths[i / 6];
      EXPECT_LE(size, length) << i;
      EXPECT_GE(size, length * 95 / 100) << i;
      const auto at = static_cast<double>(documents[i].prompt.find(documents[i].key.answers[0]));
      EXPECT_NEAR(at / static_cast<double>(documents[i].prompt.size()), 0.5 * static_cast<double>(i / 2 % 3), 0.2) << i;
    }
    EXPECT_NE(documents[0].key.answers, documents[1].key.answers);
    EXPECT_THAT(documents[11].groups, ElementsAre("4096, 100 %"));
  }
  EXPECT_THAT(error_of([&] { (void)passkey_documents(loaded, {}, {}); }), HasSubstr("no length"));
  EXPECT_THAT(error_of([&] { (void)passkey_documents(loaded, {.lengths = {50}}, {}); }), HasSubstr("too short"));
}

TEST(Passkey, TheGridHasTheShareOfEachCell) {
  const PasskeyOptions passkey{.lengths = {10, 20}, .depths = 2, .samples = 2};
  std::vector<WrittenAnswer> answers(5);
  for (size_t i = 0; i < answers.size(); ++i) answers[i].document = i, answers[i].score = i % 2 == 0 || i < 2;
  EXPECT_THAT(passkey_grid(passkey, answers), ElementsAre(1, 0.5, 1, -1));
}

}  // namespace
}  // namespace t6
