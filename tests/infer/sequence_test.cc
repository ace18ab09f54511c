#include "t6/infer/sequence.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "tests/error_of.h"
#include "tests/infer/engine_models.h"

namespace t6 {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class SequenceTest : public ::testing::Test {
 protected:
  Generated run(const std::shared_ptr<Sequence>& sequence) {
    std::string shown;
    const Generated result = run_to_end(engine_, sequence, [&](std::string_view piece) { shown += piece; });
    EXPECT_EQ(shown, result.text);
    return result;
  }

  const LoadedModel loaded_ = loaded_as(zoo_config("tpa"), 900);
  Engine engine_{test_context(), loaded_.model};
  const std::vector<int32_t> prompt_ = random_ids(loaded_.config(), 20);
};

TEST_F(SequenceTest, GoesThroughItsStates) {
  const auto sequence = std::make_shared<Sequence>(loaded_);
  EXPECT_EQ(sequence->state(), SequenceState::idle);
  sequence->append(random_ids(loaded_.config(), 600));
  sequence->begin(greedy(2));
  EXPECT_EQ(sequence->state(), SequenceState::waiting);
  engine_.add(sequence);
  (void)engine_.step();
  EXPECT_EQ(sequence->state(), SequenceState::reading);
  EXPECT_EQ(sequence->cache().size(), 512);
  EXPECT_THAT(error_of([&] { sequence->append(prompt_); }), HasSubstr("under way"));
  EXPECT_THAT(error_of([&] { sequence->truncate(0); }), HasSubstr("under way"));
  EXPECT_THAT(error_of([&] { sequence->begin({}); }), HasSubstr("under way"));
  EXPECT_THAT(error_of([&] { sequence->restore({}, FactorCache(loaded_.config())); }), HasSubstr("under way"));
  (void)engine_.step();
  EXPECT_EQ(sequence->state(), SequenceState::generating);
  (void)engine_.step();
  EXPECT_EQ(sequence->state(), SequenceState::finished);
  EXPECT_GT(sequence->result().prompt_seconds, 0);
  EXPECT_GT(sequence->result().decode_seconds, 0);
  EXPECT_GE(sequence->result().waiting_seconds, 0);
  EXPECT_EQ(sequence->result().cache_bytes, sequence->cache().bytes());
}

TEST_F(SequenceTest, RefusesBadOptionsAndStaysAsItWas) {
  Sequence sequence(loaded_);
  EXPECT_THAT(error_of([&] { sequence.begin({}); }), HasSubstr("the prompt is empty"));
  sequence.append(prompt_);
  EXPECT_THROW(sequence.begin({.max_tokens = -1}), Error);
  EXPECT_THROW(sequence.begin({.stop = {""}}), Error);
  EXPECT_THROW(sequence.begin({.sampler = {.temperature = -1}}), Error);
  EXPECT_EQ(sequence.state(), SequenceState::idle);
  EXPECT_THROW(sequence.append(random_ids(loaded_.config(), 881)), Error);
  EXPECT_THROW(sequence.restore({}, FactorCache(loaded_.config(), {.limit = 901})), Error);
  EXPECT_EQ(sequence.tokens(), prompt_);
}

// Stop strings that begin in one token and end in a later one: what may be their beginning is held back.
TEST_F(SequenceTest, StopsInTheMiddleOfSeveralTokens) {
  const Generated whole = run(begun(loaded_, prompt_, greedy(40)));
  ASSERT_GE(whole.text.size(), 20u);
  for (size_t from = 3; from + 4 < 20; ++from) {
    GenerateOptions options = greedy(40);
    options.stop = {whole.text.substr(from, 4), "never"};
    const Generated cut = run(begun(loaded_, prompt_, options));
    EXPECT_EQ(cut.reason, StopReason::stop_string);
    EXPECT_EQ(cut.text, whole.text.substr(0, whole.text.find(options.stop[0])));
  }
  GenerateOptions options = greedy(40);
  options.stop = {whole.text.substr(whole.text.size() - 3) + "never"};
  EXPECT_EQ(run(begun(loaded_, prompt_, options)).text, whole.text);  // held back, and given at the end
}

TEST_F(SequenceTest, LogProbabilitiesAreThoseOfTheLogits) {
  GenerateOptions options = greedy(4);
  options.log_probabilities = 2;
  const auto sequence = begun(loaded_, prompt_, options);
  const Generated result = run(sequence);
  ASSERT_EQ(result.written.size(), 4u);
  ForwardPass pass(test_context(), loaded_.model);
  FactorCache cache(loaded_.config());
  std::span<const int32_t> next = prompt_;
  for (const WrittenToken& token : result.written) {
    const auto logits = pass.run(next, cache, Logits::last);
    EXPECT_EQ(token.log_probability, log_probability(logits, token.id));
    EXPECT_EQ(token.likeliest[1].value, top_log_probabilities(logits, 2)[1].value);
    next = {&token.id, 1};
  }
}

TEST_F(SequenceTest, HandsOutThePromptsLogits) {
  const auto ids = random_ids(loaded_.config(), 700);
  ForwardPass pass(test_context(), loaded_.model);
  for (const size_t from : {0u, 1u, 100u, 512u, 600u, 699u}) {
    std::vector<float> rows;
    int64_t next = static_cast<int64_t>(from);
    GenerateOptions options = greedy(0);
    options.prompt_logits = {next, [&](int64_t first, std::span<const float> logits) {
                               EXPECT_EQ(first, next);
                               next += std::ssize(logits) / 256;
                               rows.insert(rows.end(), logits.begin(), logits.end());
                             }};
    const Generated result = run(begun(loaded_, ids, options));
    EXPECT_EQ(result.tokens, 0);
    EXPECT_EQ(result.reason, StopReason::max_tokens);
    // The same pieces, one after the other.
    std::vector<float> wanted;
    FactorCache cache(loaded_.config());
    while (cache.size() < 700) {
      const auto at = static_cast<size_t>(cache.size());
      const size_t end = at < from ? std::min<size_t>(from, 512 * (at / 512 + 1)) : std::min<size_t>(700, at + 512);
      const auto logits = pass.run(std::span(ids).subspan(at, end - at), cache, Logits::all);
      if (at >= from) wanted.insert(wanted.end(), logits.begin(), logits.end());
    }
    EXPECT_THAT(rows, ElementsAreArray(wanted)) << from;
  }
}

// All of them and in order, also of a prompt that is kept already.
TEST_F(SequenceTest, HandsOutThePromptsHiddenStates) {
  const auto ids = random_ids(loaded_.config(), 700);
  std::vector<float> wanted;
  ForwardPass pass(test_context(), loaded_.model);
  FactorCache cache(loaded_.config());
  for (const size_t end : {512u, 700u}) {
    const auto at = static_cast<size_t>(cache.size());
    const Step step = {std::span(ids).subspan(at, end - at), &cache, Logits::none, true};
    (void)pass.run({&step, 1});
    const auto rows = pass.hidden_states(0);
    wanted.insert(wanted.end(), rows.begin(), rows.end());
  }
  Engine engine(test_context(), loaded_.model, {.kept_bytes = 1 << 30});
  for (int i = 0; i < 2; ++i) {
    std::vector<float> states;
    GenerateOptions options = greedy(i);
    options.hidden_states = [&](int64_t first, std::span<const float> rows) {
      EXPECT_EQ(first * loaded_.config().hidden_size, std::ssize(states));
      states.insert(states.end(), rows.begin(), rows.end());
    };
    const Generated result = run_to_end(engine, begun(loaded_, ids, options), [](std::string_view) {});
    EXPECT_EQ(result.reused_tokens, 0);
    EXPECT_THAT(states, ElementsAreArray(wanted));
    (void)run_to_end(engine, begun(loaded_, ids, greedy(0)), [](std::string_view) {});  // which keeps its pages
  }
}

TEST_F(SequenceTest, TellsTheStopStringThatItFound) {
  const Generated all = run(begun(loaded_, prompt_, greedy(10)));
  EXPECT_EQ(all.stop, "");
  GenerateOptions options = greedy(10);
  options.stop = {"not there", all.text.substr(2, 2)};
  const Generated result = run(begun(loaded_, prompt_, options));
  EXPECT_EQ(result.stop, options.stop[1]);
  EXPECT_TRUE(all.text.starts_with(result.text));
}

TEST_F(SequenceTest, ReadsOnlyWhenNoTokenIsWanted) {
  const auto sequence = begun(loaded_, prompt_, greedy(0));
  EXPECT_EQ(run(sequence).prompt_tokens, 20);
  EXPECT_EQ(sequence->cache().size(), 20);
  EXPECT_EQ(sequence->tokens(), prompt_);
}

TEST_F(SequenceTest, TheSameSeedWritesTheSame) {
  GenerateOptions options = {.max_tokens = 30, .sampler = {.temperature = 1, .seed = 5}};
  const Generated first = run(begun(loaded_, prompt_, options)), again = run(begun(loaded_, prompt_, options));
  EXPECT_EQ(first.text, again.text);
  options.sampler.seed = 6;
  EXPECT_NE(run(begun(loaded_, prompt_, options)).text, first.text);
}

}  // namespace
}  // namespace t6
