#include "t6/infer/token_constraint.h"

#include <gmock/gmock.h>

#include <limits>

#include "t6/infer/sampler.h"
#include "tests/error_of.h"
#include "tests/infer/engine_models.h"

namespace t6 {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Wants letters that rise, 'a' to 'z', and may end after `least` of them.
class RisingLetters : public TokenConstraint {
 public:
  explicit RisingLetters(size_t least, int64_t vocab_size = 256) : least_(least), vocab_size_(vocab_size) {}
  int64_t vocab_size() const override { return vocab_size_; }
  void allow(std::span<uint32_t> mask) override {
    std::ranges::fill(mask, 0);
    for (int32_t id = accepted.empty() ? 'a' : accepted.back() + 1; id <= 'z'; ++id) set_in_mask(mask, id, true);
  }
  void accept(int32_t id) override { accepted.push_back(id); }
  bool may_end() const override { return accepted.size() >= least_; }

  std::vector<int32_t> accepted;

 private:
  size_t least_;
  int64_t vocab_size_;
};

std::vector<uint32_t> mask_of(std::initializer_list<int32_t> ids, size_t vocab_size) {
  std::vector<uint32_t> mask(mask_words(vocab_size));
  for (const int32_t id : ids) set_in_mask(mask, id, true);
  return mask;
}

TEST(TokenConstraint, MaskedSamplerSeesOnlyWhatIsAllowed) {
  const std::vector<float> logits = {5, 1, 4, 2, 3};
  EXPECT_EQ(Sampler({.temperature = 0}).sample(logits, mask_of({1, 3, 4}, 5)), 4);
  EXPECT_EQ(Sampler({.temperature = 0}).sample(logits), 0);
  // top-k counts what is allowed: with the two best of all, 1 could not come.
  Sampler sampler({.temperature = 100, .top_k = 2, .seed = 3});
  std::vector<int> counts(5);
  for (int i = 0; i < 200; ++i) ++counts[static_cast<size_t>(sampler.sample(logits, mask_of({1, 3}, 5)))];
  EXPECT_THAT(counts, ElementsAre(0, ::testing::Gt(50), 0, ::testing::Gt(50), 0));
}

TEST(TokenConstraint, SamplerRefusesAMaskThatLeavesNone) {
  const std::vector<float> logits = {5, 1, kNever};
  Sampler sampler({.logit_bias = {{1, kNever}}});
  EXPECT_THAT(error_of([&] { sampler.sample(logits, mask_of({1, 2}, 3)); }), HasSubstr("no token is left to choose"));
  EXPECT_THAT(error_of([&] { sampler.sample(logits, mask_of({}, 3)); }), HasSubstr("no token is left to choose"));
  EXPECT_THAT(error_of([&] { sampler.sample(logits, mask_of({}, 33)); }), HasSubstr("mask of 2 words"));
}

class ConstrainedTest : public ::testing::Test {
 protected:
  Generated run(const GenerateOptions& options) {
    sequence_ = begun(loaded_, prompt_, options);
    return run_to_end(engine_, sequence_, [](std::string_view) {});
  }

  // The byte tokenizer's end of text is 256, one more than the zoo's vocabulary.
  LoadedModel loaded_ = [] {
    ModelConfig config = zoo_config("tpa");
    config.vocab_size = 257;
    config.max_position_embeddings = 900;
    return LoadedModel{{}, random_model(config), byte_tokenizer()};
  }();
  Engine engine_{test_context(), loaded_.model};
  const std::vector<int32_t> prompt_ = random_ids(loaded_.config(), 20);
  std::shared_ptr<Sequence> sequence_;
};

TEST_F(ConstrainedTest, TextIsAsTheConstraintWantsIt) {
  GenerateOptions options = greedy(100);
  for (int32_t i = 0; i < 26; ++i) options.sampler.logit_bias['a' + i] = 1000 * (26 - i);
  options.constraint = std::make_shared<RisingLetters>(26, 257);
  options.log_probabilities = 1;
  const Generated result = run(options);
  EXPECT_EQ(result.text, "abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(result.reason, StopReason::end_of_text);  // nothing can follow
  EXPECT_EQ(result.tokens, 26);
  ASSERT_EQ(result.written.size(), 26u);
  EXPECT_LT(result.written[0].log_probability, result.written[0].likeliest[0].value + 1e-9);  // of the model alone
}

TEST_F(ConstrainedTest, EndsOnlyWhereItMay) {
  loaded_.text.end_of_text = {'b'};  // an end of text is no part of the text
  GenerateOptions options = greedy(100);
  options.sampler.logit_bias = {{'b', 1e6}, {'a', 1e5}, {'c', 1e4}, {256, kNever}};
  const auto constraint = std::make_shared<RisingLetters>(2, 257);
  options.constraint = constraint;
  const Generated result = run(options);
  EXPECT_EQ(result.text, "ac");
  EXPECT_EQ(result.reason, StopReason::end_of_text);
  EXPECT_THAT(constraint->accepted, ElementsAre('a', 'c'));
}

TEST_F(ConstrainedTest, DeadEndsAreErrorsOfThisSequenceAlone) {
  GenerateOptions options = greedy(100);
  options.constraint = std::make_shared<RisingLetters>(27, 257);
  const auto stuck = begun(loaded_, prompt_, options), free = begun(loaded_, prompt_, greedy(50));
  options.constraint = std::make_shared<RisingLetters>(3, 257);
  for (int32_t id = 'a'; id <= 'z'; ++id) options.sampler.logit_bias[id] = kNever;
  const auto banned = begun(loaded_, prompt_, options);
  for (const auto& sequence : {stuck, free, banned}) engine_.add(sequence);
  run_all(engine_);
  EXPECT_EQ(stuck->result().reason, StopReason::error);
  EXPECT_THAT(stuck->result().error, HasSubstr("no token can follow"));
  EXPECT_THAT(banned->result().error, HasSubstr("no token is left to choose"));
  EXPECT_EQ(free->result().tokens, 50);
}

TEST_F(ConstrainedTest, VocabularyMustBeTheModels) {
  GenerateOptions options = greedy(1);
  options.constraint = std::make_shared<RisingLetters>(1, 300);
  EXPECT_THAT(error_of([&] { (void)run(options); }), HasSubstr("constraint is for a vocabulary of 300"));
}

// A sequence that gives its pages back reads its tokens again, and the constraint does not see them twice.
TEST_F(ConstrainedTest, TokensReadAgainAreNotAcceptedAgain) {
  const auto options_with = [](const std::shared_ptr<TokenConstraint>& constraint) {
    GenerateOptions options = greedy(200);
    options.constraint = constraint;
    return options;
  };
  // Any byte, so that the text goes on past a page.
  struct Bytes : RisingLetters {
    Bytes() : RisingLetters(0, 257) {}
    void allow(std::span<uint32_t> mask) override {
      std::ranges::fill(mask, 0);
      for (int32_t id = 0; id < 256; ++id) set_in_mask(mask, id, id % 7 == static_cast<int32_t>(accepted.size() % 7));
    }
    bool may_end() const override { return false; }
  };
  const auto alone = std::make_shared<Bytes>();
  (void)run(options_with(alone));
  const int64_t page = FactorCache(loaded_.config()).page_bytes();
  const auto memory = std::make_shared<CacheMemory>(5 * page);
  Engine engine(test_context(), loaded_.model, {.memory = memory});
  std::vector<std::shared_ptr<Bytes>> constraints;
  std::vector<std::shared_ptr<Sequence>> sequences;
  for (int i = 0; i < 2; ++i) {
    constraints.push_back(std::make_shared<Bytes>());
    sequences.push_back(begun(loaded_, prompt_, options_with(constraints.back()), {.memory = memory}));
    engine.add(sequences.back());
  }
  bool suspended = false;
  while (!engine.idle()) {
    (void)engine.step();
    suspended |= sequences[1]->state() == SequenceState::waiting && sequences[1]->result().tokens > 0;
    if (sequences[0]->finished()) sequences[0]->truncate(0);
  }
  EXPECT_TRUE(suspended);
  for (int i = 0; i < 2; ++i) {
    const auto at = static_cast<size_t>(i);
    EXPECT_EQ(sequences[at]->result().tokens, 200) << sequences[at]->result().error;
    EXPECT_EQ(constraints[at]->accepted, alone->accepted);
  }
}

TEST_F(ConstrainedTest, NoEndBeforeTheLeastNumberOfTokens) {
  GenerateOptions options = greedy(20);
  options.sampler.logit_bias = {{256, 1e6}, {'x', 1e5}, {'y', 1e4}};
  EXPECT_EQ(run(options).text, "");
  options.min_tokens = 5;
  const Generated late = run(options);
  EXPECT_EQ(late.text, "xxxxx");
  EXPECT_EQ(late.reason, StopReason::end_of_text);
  options.stop_tokens = {'x'};
  EXPECT_EQ(run(options).text, "yyyyy");
  options.stop = {"yy"};  // stop strings count at any time
  EXPECT_EQ(run(options).text, "");
  options.constraint = std::make_shared<RisingLetters>(1, 257);
  options.stop = {};
  options.stop_tokens = {};
  EXPECT_EQ(run(options).text, "xyz");  // nothing can follow
  EXPECT_THAT(error_of([&] { (void)run({.min_tokens = -1}); }), HasSubstr("least number of tokens"));
}

TEST_F(ConstrainedTest, IgnoredEndsAreTokensLikeAnyOther) {
  GenerateOptions options = greedy(4);
  options.sampler.logit_bias = {{256, 1e6}};
  options.ignore_eos = true;
  options.log_probabilities = 1;
  const Generated result = run(options);
  EXPECT_EQ(result.reason, StopReason::max_tokens);
  std::vector<int32_t> ids;
  for (const WrittenToken& token : result.written) ids.push_back(token.id);
  EXPECT_THAT(ids, Each(256));
  EXPECT_EQ(ids.size(), 4u);
  options.stop_tokens = {256};
  EXPECT_EQ(run(options).reason, StopReason::end_of_text);
}

}  // namespace
}  // namespace t6
