#include "t6/text/document_tokens.h"

#include <gmock/gmock.h>

#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

TEST(DocumentTokens, AreThoseOfEachTextWithItsEndBetween) {
  const TemporaryFolder folder;
  const auto tokenizer = byte_tokenizer();
  const auto plain = folder.write("in/a.txt", "one text"), marked = folder.write("b.txt", "\xef\xbb\xbfone text"),
             lines = folder.write("c.jsonl", "{\"text\": \"one\"}\n{\"text\": \"two\"}\n");
  const auto tokens = [&](const std::vector<std::filesystem::path>& inputs, int64_t limit = 0) {
    return document_tokens(*tokenizer, inputs, {}, limit);
  };
  const std::vector<int32_t> one = tokenizer->encode_whole("one text");
  EXPECT_THAT(tokens({plain}), ElementsAreArray(one));
  EXPECT_THAT(tokens({marked}), ElementsAreArray(one));
  EXPECT_THAT(tokens({folder / "in"}), ElementsAreArray(one));
  EXPECT_EQ(tokenizer->decode(tokens({lines}), /*skip_special=*/false), "one<|endoftext|>two");
  EXPECT_EQ(tokenizer->decode(tokens({lines}, 5), /*skip_special=*/false), "one<|endoftext|>t");
  EXPECT_EQ(tokens({plain, lines}).size(), 8u + 1 + 3 + 1 + 3);
  EXPECT_THAT(error_of([&] { tokens({folder.write("d.txt", "\xff")}); }), HasSubstr("not UTF-8"));
}

TEST(DocumentTokens, OfALargeFileAreThoseOfTheWhole) {
  const TemporaryFolder folder;
  std::string text;
  while (text.size() < 3 * kPartBytes) text += "a line of a long text\n";
  EXPECT_TRUE(document_tokens(*byte_tokenizer(), {folder.write("a.txt", text)}, {}, 0) ==
              byte_tokenizer()->encode_whole(text));
}

}  // namespace
}  // namespace t6
