#include "t6/text/bpe_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "t6/core/error.h"
#include "t6/core/random.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer.h"

namespace t6 {
namespace {

Json train(const std::string& text, int64_t vocab_size, const std::string& family = "gpt2") {
  BytePairTrainer trainer(family);
  trainer.add(text);
  return trainer.train(vocab_size, [](int64_t, int64_t) {});
}

std::vector<std::string> merges_of(const Json& tokenizer) { return tokenizer["model"]["merges"]; }

TEST(BytePairTrainer, MergesTheMostFrequentPairFirst) {
  // "low" five times, "lower" twice, "newest" six times, "widest" three times (Sennrich and others 2016), no spaces.
  std::string text;
  const auto repeat = [&](const char* word, int times) {
    for (int i = 0; i < times; ++i) text += std::string(word) + "\n";
  };
  repeat("low", 5);
  repeat("lower", 2);
  repeat("newest", 6);
  repeat("widest", 3);
  // es (9) ties with st (9): ids follow the characters, so e s is first. Then es t (9), l o (7), lo w (7), e w (6).
  EXPECT_EQ(merges_of(train(text, 262)), (std::vector<std::string>{"e s", "es t", "l o", "lo w", "e w"}));
}

TEST(BytePairTrainer, CountsPairsThatOverlapThemselves) {
  const Json tokenizer = train("aaaaa aaaaa", 400);
  const Tokenizer loaded(tokenizer.dump(), "trained");
  EXPECT_EQ(loaded.encode("aaaaa").size(), 1u);
  EXPECT_EQ(loaded.decode(loaded.encode("aaaaa aaaaaa"), false), "aaaaa aaaaaa");
}

TEST(BytePairTrainer, StopsWhenEveryWordIsOneToken) {
  const Json tokenizer = train("ab ab", 1000);
  EXPECT_EQ(tokenizer["model"]["vocab"].size(), 259u);  // ab, and " ab"
  EXPECT_EQ(Tokenizer(tokenizer.dump(), "trained").encode("ab ab").size(), 2u);
}

TEST(BytePairTrainer, NumbersTheEndOfTextFirstAndNeverLearnsIt) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "a tale<|endoftext|>";
  const Tokenizer tokenizer(train(text, 300).dump(), "trained");
  EXPECT_EQ(tokenizer.end_of_text(), 0);
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_FALSE(tokenizer.id_of("end").has_value());
  EXPECT_EQ(tokenizer.encode("a<|endoftext|>a").size(), 3u);
}

TEST(BytePairTrainer, GivesTheSameForTheSameWordsInAnyOrder) {
  Random random(5);
  std::vector<std::string> lines;
  for (int i = 0; i < 400; ++i) {
    lines.emplace_back();
    for (uint64_t length = 1 + random.below(9); length > 0; --length)
      lines.back() += static_cast<char>('a' + random.below(4));
  }
  BytePairTrainer forward("llama3"), backward("llama3");
  for (size_t i = 0; i < lines.size(); ++i) {
    forward.add(lines[i]);
    backward.add(lines[lines.size() - 1 - i]);
  }
  const auto nothing = [](int64_t, int64_t) {};
  EXPECT_EQ(forward.train(330, nothing), backward.train(330, nothing));
  EXPECT_EQ(forward.train(330, nothing)["model"]["vocab"].size(), 330u);
}

TEST(BytePairTrainer, EveryFamilyRoundTripsWhatItSaw) {
  const std::string text = "It's 1234 o'clock,  naïve 中文 \n\n\t x<=y; and\r\n again It's 1234";
  for (const char* family : {"gpt2", "llama3", "qwen2", "smollm2", "bytes"}) {
    const Tokenizer tokenizer(train(text, 300, family).dump(), family);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text), false), text) << family;
  }
  EXPECT_THROW(BytePairTrainer("gpt9"), Error);
}

TEST(BytePairTrainer, TakesBrokenUtf8AsReplacementCharacters) {
  const Tokenizer tokenizer(train("\xFF\xFF\xFF", 300).dump(), "trained");
  EXPECT_EQ(tokenizer.encode("\xFF\xFF\xFF").size(), 1u);
}

TEST(BytePairTrainer, ReportsProgressAndLetsItStop) {
  BytePairTrainer trainer("gpt2");
  trainer.add("the cat and the hat and the bat");
  std::vector<int64_t> seen;
  trainer.train(260, [&](int64_t done, int64_t total) {
    EXPECT_EQ(total, 3);
    seen.push_back(done);
  });
  EXPECT_EQ(seen, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_THROW(trainer.train(260, [](int64_t, int64_t) { throw Error("stop"); }), Error);
  EXPECT_THROW(trainer.train(256, [](int64_t, int64_t) {}), Error);
}

}  // namespace
}  // namespace t6
