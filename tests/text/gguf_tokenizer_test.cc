#include "t6/text/gguf_tokenizer.h"

#include <gmock/gmock.h>

#include <cmath>

#include "t6/core/error.h"
#include "t6/text/tokenizer.h"
#include "t6/text/tokenizer/spelling.h"
#include "tests/error_of.h"
#include "tests/formats/gguf_builder.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class GgufTokenizer : public ::testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> load(const GgufBuilder& builder) {
    return load_tokenizer(folder_.write("x.gguf", builder.file()));
  }
  std::string error(const GgufBuilder& builder) {
    return error_of([&] { load(builder); });
  }

  TemporaryFolder folder_;
};

// Letters and digits, their pairs, and a special token.
GgufBuilder byte_level(const char* pre) {
  GgufBuilder builder;
  builder.add("tokenizer.ggml.model", "gpt2");
  if (pre) builder.add("tokenizer.ggml.pre", pre);
  builder.add("tokenizer.ggml.tokens", std::vector<std::string>{"a", "1", "Ġ", "11", "111", "Ġa", "<s>", "a1"});
  builder.add("tokenizer.ggml.token_type", std::vector<int32_t>{1, 1, 1, 1, 1, 1, 3, 1});
  builder.add("tokenizer.ggml.merges", std::vector<std::string>{"1 1", "11 1", "Ġ a"});
  builder.add("tokenizer.ggml.bos_token_id", 6u);
  return builder;
}

TEST_F(GgufTokenizer, CutsAsTheFileSays) {
  EXPECT_THAT(load(byte_level("gpt-2"))->encode("1111 a"), ElementsAre(3, 3, 5));
  EXPECT_THAT(load(byte_level("smollm"))->encode("111"), ElementsAre(1, 1, 1));
  EXPECT_THAT(load(byte_level("qwen2"))->encode("111"), ElementsAre(1, 1, 1));
  EXPECT_THAT(load(byte_level("llama-bpe"))->encode("1111"), ElementsAre(4, 1));
  EXPECT_THAT(load(byte_level("smaug-bpe"))->encode("1111 a"), ElementsAre(4, 1, 5));
  EXPECT_THAT(load(byte_level("tekken"))->encode("11"), ElementsAre(1, 1));
  EXPECT_THAT(load(byte_level("seed-coder"))->encode("11"), ElementsAre(1, 1));
  EXPECT_THAT(load(byte_level("deepseek-coder"))->encode("11 a"), ElementsAre(1, 1, 5));
  EXPECT_THAT(load(byte_level("deepseek-llm"))->encode("11 a"), ElementsAre(3, 5));
  EXPECT_THAT(load(byte_level("default"))->encode("1111"), ElementsAre(4, 1));
  EXPECT_THAT(load(byte_level(nullptr))->encode("1111"), ElementsAre(4, 1));
}

TEST_F(GgufTokenizer, TellsHowTokensAreChosen) {
  GgufBuilder builder = byte_level("gpt-2");
  builder.add("general.sampling.temp", 0.6f);
  builder.add("general.sampling.top_k", 20);
  builder.add("general.sampling.mirostat", 2);
  const SamplingSettings sampling = gguf_text_settings(GgufFile(folder_.write("y.gguf", builder.file()))).sampling;
  EXPECT_EQ(sampling.temperature, 0.6);
  EXPECT_EQ(sampling.top_k, 20);
  EXPECT_THAT(sampling.unused, ElementsAre("general.sampling.mirostat 2: T6 has no such choice"));
}

TEST_F(GgufTokenizer, BeginsTextsAsTheFileOrItsKindSays) {
  EXPECT_THAT(load(byte_level("gpt-2"))->prefix(), IsEmpty());
  EXPECT_THAT(load(byte_level("llama-bpe"))->prefix(), ElementsAre(6));
  EXPECT_THAT(load(byte_level("tekken"))->prefix(), ElementsAre(6));
  EXPECT_THAT(load(byte_level("smaug-bpe"))->prefix(), IsEmpty());
  GgufBuilder builder = byte_level("llama-bpe");
  builder.add("tokenizer.ggml.add_bos_token", false);
  EXPECT_THAT(load(builder)->prefix(), IsEmpty());
}

TEST_F(GgufTokenizer, KnowsEndsByNameThatTheFileDoesNotName) {
  GgufBuilder builder;
  builder.add("tokenizer.ggml.tokens", std::vector<std::string>{"a", "<|eot_id|>", "<|end_of_text|>", "<|other|>"});
  builder.add("tokenizer.ggml.eos_token_id", 2u);
  const GgufFile file(folder_.write("x.gguf", builder.file()));
  EXPECT_THAT(gguf_text_settings(file).end_of_text, ElementsAre(2, 1));
}

TEST_F(GgufTokenizer, PassesOverIdsThatNoTokenHas) {
  for (const int64_t id : {int64_t{-1}, int64_t{4}, int64_t{UINT32_MAX}}) {
    GgufBuilder builder;
    builder.add("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "c", "d"});
    if (id < 0) {
      builder.add("tokenizer.ggml.eos_token_id", static_cast<int32_t>(id));
    } else {
      builder.add("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(id));
    }
    builder.add("tokenizer.ggml.bos_token_id", 3u);
    const GgufFile file(folder_.write("x.gguf", builder.file()));
    EXPECT_THAT(gguf_text_settings(file).end_of_text, IsEmpty());
    EXPECT_EQ(gguf_text_settings(file).bos_token, "d");
    EXPECT_THAT(gguf_tokenizer_notes(file), ElementsAre(HasSubstr("passed over: tokenizer.ggml.eos_token_id")));
  }
  GgufBuilder text;
  text.add("tokenizer.ggml.tokens", std::vector<std::string>{"a"});
  text.add("tokenizer.ggml.eos_token_id", "2");
  const GgufFile file(folder_.write("x.gguf", text.file()));
  EXPECT_THAT(error_of([&] { gguf_text_settings(file); }),
              HasSubstr("\"tokenizer.ggml.eos_token_id\" must be a whole number"));
}

TEST_F(GgufTokenizer, TellsControlTokensByIdAndNameWithoutTypes) {
  GgufBuilder builder;
  builder.add("tokenizer.ggml.model", "gpt2");
  builder.add("tokenizer.ggml.tokens", std::vector<std::string>{"a", "<s>", "<|im_end|>", "<|other|>"});
  builder.add("tokenizer.ggml.merges", std::vector<std::string>{});
  builder.add("tokenizer.ggml.bos_token_id", 1u);
  const auto tokenizer = load(builder);
  EXPECT_THAT(tokenizer->encode("<s>a<|im_end|>a"), ElementsAre(1, 0, 2, 0));
  EXPECT_TRUE(tokenizer->is_special(2));
  EXPECT_FALSE(tokenizer->is_special(3));
}

GgufBuilder sentence_piece() {
  GgufBuilder builder;
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<int32_t> types = {2, 3, 3};
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(byte_token(byte));
    types.push_back(6);
  }
  std::vector<float> scores(tokens.size());
  const auto add = [&](const char* token, float score) {
    tokens.emplace_back(token);
    types.push_back(1);
    scores.push_back(score);
  };
  add("▁", -5);
  add("a", -6);
  add("b", -7);
  add("▁a", -2);
  add("ab", -1);  // comes before ▁a
  add("▁ab", -3);
  builder.add("tokenizer.ggml.model", "llama");
  builder.add("tokenizer.ggml.tokens", tokens);
  builder.add("tokenizer.ggml.token_type", types);
  builder.add("tokenizer.ggml.scores", scores);
  builder.add("tokenizer.ggml.bos_token_id", 1u);
  builder.add("tokenizer.ggml.eos_token_id", 2u);
  return builder;
}

TEST_F(GgufTokenizer, ReadsSentencePieces) {
  const auto tokenizer = load(sentence_piece());
  EXPECT_THAT(tokenizer->prefix(), ElementsAre(1));
  EXPECT_THAT(tokenizer->encode("ab aa"), ElementsAre(264, 262, 260));
  EXPECT_THAT(tokenizer->encode("é"), ElementsAre(259, 3 + 0xC3, 3 + 0xA9));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("ab é</s>"), true), "ab é");
  GgufBuilder plain = sentence_piece();
  plain.add("tokenizer.ggml.add_space_prefix", false);
  plain.add("tokenizer.ggml.add_bos_token", false);
  EXPECT_THAT(load(plain)->encode_whole("ab"), ElementsAre(263));
}

TEST_F(GgufTokenizer, NamesWhatIsWrong) {
  EXPECT_THAT(error(byte_level("bloom")), HasSubstr("the pre-tokenizer \"bloom\" (tokenizer.ggml.pre)"));
  const auto with = [&](const std::vector<std::string>& tokens, const std::vector<int32_t>& types,
                        const std::vector<std::string>& merges, uint32_t bos = 0) {
    GgufBuilder builder;
    builder.add("tokenizer.ggml.model", "gpt2");
    builder.add("tokenizer.ggml.tokens", tokens);
    builder.add("tokenizer.ggml.token_type", types);
    builder.add("tokenizer.ggml.merges", merges);
    builder.add("tokenizer.ggml.bos_token_id", bos);
    return error(builder);
  };
  EXPECT_THAT(with({"a", "b"}, {1}, {}), HasSubstr("1 token types for 2 tokens"));
  EXPECT_THAT(with({"a", "a"}, {1, 1}, {}), HasSubstr("the token \"a\" is there twice, as 0 and 1"));
  EXPECT_THAT(with({"a", "\xff"}, {1, 1}, {}), HasSubstr("tokenizer.ggml.tokens[1] is not UTF-8"));
  EXPECT_THAT(with({"a"}, {1}, {"\xff a"}), HasSubstr("tokenizer.ggml.merges[0] is not UTF-8"));
  EXPECT_THAT(with({"a"}, {1}, {"a a"}), HasSubstr("no token is \"aa\""));
}

TEST_F(GgufTokenizer, NamesWhatIsWrongWithSentencePieces) {
  const auto with = [&](const std::vector<std::string>& tokens, const std::vector<float>& scores) {
    GgufBuilder builder;
    builder.add("tokenizer.ggml.model", "llama");
    builder.add("tokenizer.ggml.tokens", tokens);
    builder.add("tokenizer.ggml.token_type", std::vector<int32_t>(tokens.size(), 1));
    builder.add("tokenizer.ggml.scores", scores);
    return error(builder);
  };
  EXPECT_THAT(with({"a"}, {}), HasSubstr("0 scores for 1 tokens"));
  EXPECT_THAT(with({"a"}, {NAN}), HasSubstr("tokenizer.ggml.scores[0] is not a number"));
  EXPECT_THAT(with({"a"}, {0}), HasSubstr("no token is \"<0x00>\""));
  EXPECT_THAT(with({"a", std::string(257, 'a')}, {0, 0}),
              HasSubstr("tokenizer.ggml.tokens[1] has 257 bytes, more than 256"));
  GgufBuilder builder = sentence_piece();
  builder.add("tokenizer.ggml.add_space_prefix", 1u);
  EXPECT_THAT(error(builder), HasSubstr("tokenizer.ggml.add_space_prefix"));
  GgufBuilder strings;
  strings.add("tokenizer.ggml.model", "llama");
  strings.add("tokenizer.ggml.tokens", std::vector<std::string>{"a"});
  strings.add("tokenizer.ggml.token_type", std::vector<int32_t>{1});
  EXPECT_THAT(error(strings), HasSubstr("tokenizer.ggml.scores"));
  strings.add("tokenizer.ggml.scores", std::vector<std::string>{"a"});
  EXPECT_THAT(error(strings), HasSubstr("tokenizer.ggml.scores"));
}

}  // namespace
}  // namespace t6
