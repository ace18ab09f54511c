#include "t6/text/tokenizer/pre_tokenizer.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "t6/text/tokenizer/tokenizer_json.h"
#include "tests/source_dir.h"
#include "tests/text/split_words.h"

namespace t6 {
namespace {

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

// tests/text/make_cuts.py wrote the words of Hugging Face's tokenizers.
TEST(PreTokenizer, CutsAsFamiliesOfModelsDo) {
  const Json cuts = read_json(source_dir() / "tests/text/fixtures/cuts.json");
  EXPECT_EQ(cuts.size(), 6u);
  for (const auto& [family, texts] : cuts.items()) {
    const std::string json = text_preparation(family).pre_tokenizer.dump();
    for (const Json& wanted : texts) {
      const Words list = wanted.get<Words>();
      EXPECT_EQ(words(json.c_str(), fmt::format("{}", fmt::join(list, ""))), list) << family;
    }
  }
}

}  // namespace
}  // namespace t6
