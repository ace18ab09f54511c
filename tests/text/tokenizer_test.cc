#include "t6/text/tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>
#include <thread>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/random.h"
#include "t6/formats/json.h"
#include "tests/source_dir.h"

namespace t6 {
namespace {

Json read_fixture(const std::string& family) {
  return read_json(source_dir() / "tests/text/fixtures" / (family + ".json"));
}

// What Hugging Face's tokenizers make of the same file and texts; tests/text/make_fixtures.py wrote it.
class HuggingFace : public testing::TestWithParam<std::string> {};

TEST_P(HuggingFace, EncodesAndDecodesTheSame) {
  const Json fixture = read_fixture(GetParam());
  const Tokenizer tokenizer(fixture["tokenizer"].dump(), GetParam());
  ASSERT_GE(fixture["cases"].size(), 50u);
  for (const Json& example : fixture["cases"]) {
    const auto text = example["text"].get<std::string>();
    const auto ids = example["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.encode(text), ids) << text;
    EXPECT_EQ(tokenizer.decode(ids, false), example["decoded"].get<std::string>()) << text;
    EXPECT_EQ(tokenizer.decode(ids, true), example["decoded_without_special"].get<std::string>()) << text;
  }
}

TEST_P(HuggingFace, ManyThreadsMayUseOneTokenizer) {
  const Json fixture = read_fixture(GetParam());
  const Tokenizer tokenizer(fixture["tokenizer"].dump(), GetParam());
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& errors : wrong) {
    threads.emplace_back([&] {
      for (const Json& example : fixture["cases"]) {
        const auto ids = tokenizer.encode(example["text"].get_ref<const std::string&>());
        errors += ids != example["ids"].get<std::vector<int32_t>>();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::accumulate(wrong.begin(), wrong.end(), 0), 0);
}

TEST_P(HuggingFace, DecodingAsTheTokensComeGivesTheSameText) {
  const Json fixture = read_fixture(GetParam());
  const auto tokenizer = std::make_shared<const Tokenizer>(fixture["tokenizer"].dump(), GetParam());
  for (const Json& example : fixture["cases"]) {
    StreamDecoder decoder(tokenizer, false);
    std::string text;
    for (const Json& id : example["ids"]) text += decoder.push(id.get<int32_t>());
    EXPECT_EQ(text + decoder.finish(), example["decoded"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(Families, HuggingFace, testing::Values("gpt2", "llama3", "qwen2", "smollm2"),
                         [](const auto& family) { return family.param; });

TEST(ByteTokenizer, GivesEveryByteItsOwnNumber) {
  const auto tokenizer = byte_tokenizer();
  std::string bytes(256, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  std::vector<int32_t> ids(256);
  std::iota(ids.begin(), ids.end(), 0);
  EXPECT_EQ(tokenizer->encode(bytes), ids);  // most of it is not UTF-8, and stays as it is
  EXPECT_EQ(tokenizer->decode_bytes(ids, false), bytes);
  EXPECT_EQ(tokenizer->vocab_size(), 257);
}

TEST(ByteTokenizer, KnowsTheEndOfText) {
  const auto tokenizer = byte_tokenizer();
  EXPECT_EQ(tokenizer->end_of_text(), 256);
  EXPECT_TRUE(tokenizer->is_special(256));
  EXPECT_EQ(tokenizer->encode("a<|endoftext|>b"), (std::vector<int32_t>{'a', 256, 'b'}));
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{'a', 256, 'b'}, false), "a<|endoftext|>b");
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{'a', 256, 'b'}, true), "ab");
}

TEST(ByteTokenizer, IsTheSameAfterItsJsonWasSavedAndLoaded) {
  const std::string folder = testing::TempDir() + "/byte_tokenizer";
  make_folder(folder);
  write_text(folder + "/tokenizer.json", byte_tokenizer()->json());
  for (const std::string& path : {folder, folder + "/tokenizer.json"}) {
    const auto loaded = load_tokenizer(path);
    EXPECT_EQ(loaded->json(), byte_tokenizer()->json());
    EXPECT_EQ(loaded->encode("\xFFzürich<|endoftext|>"), byte_tokenizer()->encode("\xFFzürich<|endoftext|>"));
  }
}

TEST(Tokenizer, ReplacesBrokenUtf8LikePythonDoes) {
  const Tokenizer tokenizer(read_fixture("gpt2")["tokenizer"].dump(), "gpt2");
  // Python: b"a\xff\xe4\xb8z\xed\xa0\x80\xf0\x9f".decode(errors="replace")
  EXPECT_EQ(tokenizer.encode("a\xFF\xE4\xB8z\xED\xA0\x80\xF0\x9F"),
            tokenizer.encode("a\uFFFD\uFFFDz\uFFFD\uFFFD\uFFFD\uFFFD"));
}

TEST(Tokenizer, DecodesBrokenUtf8ToReplacementCharacters) {
  const std::vector<int32_t> ids = {'a', 0xE4, 0xB8, 'z', 0xFF};
  EXPECT_EQ(byte_tokenizer()->decode(ids, false), "a\uFFFDz\uFFFD");
  EXPECT_EQ(byte_tokenizer()->decode_bytes(ids, false), "a\xE4\xB8z\xFF");
}

TEST(Tokenizer, PassesOverIdsThatNoTokenHas) {
  EXPECT_EQ(byte_tokenizer()->decode(std::vector<int32_t>{'a', 257, -1, INT32_MAX, INT32_MIN, 'b'}, false), "ab");
  EXPECT_EQ(byte_tokenizer()->token(257), "");
  EXPECT_FALSE(byte_tokenizer()->is_special(-1));
}

TEST(Tokenizer, FindsTokensByTheirSpelling) {
  const Tokenizer tokenizer(read_fixture("smollm2")["tokenizer"].dump(), "smollm2");
  const auto id = tokenizer.id_of("<|im_start|>");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(tokenizer.token(*id), "<|im_start|>");
  EXPECT_TRUE(tokenizer.is_special(*id));
  EXPECT_EQ(tokenizer.encode("<|im_start|>"), std::vector<int32_t>{*id});
  EXPECT_EQ(tokenizer.end_of_text(), tokenizer.id_of("<|endoftext|>"));
  EXPECT_FALSE(tokenizer.id_of("no such token").has_value());
}

TEST(Tokenizer, NamesTheFileThatIsMissing) {
  try {
    load_tokenizer("/nonexistent/tokenizer.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/tokenizer.json"), std::string::npos) << error.what();
  }
}

TEST(StreamDecoder, HoldsBackOnlyWhatCouldBecomeACharacter) {
  StreamDecoder decoder(byte_tokenizer(), true);
  EXPECT_EQ(decoder.push('a'), "a");
  EXPECT_EQ(decoder.push(0xF0), "");
  EXPECT_EQ(decoder.push(0x9F), "");
  EXPECT_EQ(decoder.push(0x98), "");
  EXPECT_EQ(decoder.push(0x80), "😀");
  EXPECT_EQ(decoder.push(0xE4), "");
  EXPECT_EQ(decoder.push('b'),
            "\uFFFD"
            "b");
  EXPECT_EQ(decoder.push(0x80), "\uFFFD");  // no character begins with it
  EXPECT_EQ(decoder.push(256), "");         // special, left out
  EXPECT_EQ(decoder.push(0xC3), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, AgreesWithDecodeOnRandomBytes) {
  Random random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<int32_t> ids(random.below(12));
    for (int32_t& id : ids) id = static_cast<int32_t>(random.below(2) ? 0x80 + random.below(128) : random.below(257));
    StreamDecoder decoder(byte_tokenizer(), false);
    std::string text;
    for (const int32_t id : ids) text += decoder.push(id);
    EXPECT_EQ(text + decoder.finish(), byte_tokenizer()->decode(ids, false));
  }
}

}  // namespace
}  // namespace t6
