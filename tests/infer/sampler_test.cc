#include "t6/infer/sampler.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>

#include "t6/core/error.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::vector<float> kLogits = {std::log(1.0f), std::log(4.0f), std::log(2.0f), std::log(3.0f)};

// How often each id came in many draws.
std::map<int32_t, double> shares(const SamplerOptions& options, std::span<const float> logits) {
  Sampler sampler(options);
  std::map<int32_t, double> share;
  constexpr int kDraws = 40'000;
  for (int i = 0; i < kDraws; ++i) share[sampler.sample(logits)] += 1.0 / kDraws;
  return share;
}

TEST(Sampler, FollowsTheProbabilities) {
  auto share = shares({.temperature = 1}, kLogits);
  for (const auto& [id, wanted] : std::map<int32_t, double>{{0, 0.1}, {1, 0.4}, {2, 0.2}, {3, 0.3}}) {
    EXPECT_NEAR(share[id], wanted, 0.01) << id;
  }
  share = shares({.temperature = 0.5}, kLogits);  // squares: 1, 16, 4, 9
  EXPECT_NEAR(share[1], 16.0 / 30, 0.01);
  EXPECT_NEAR(share[0], 1.0 / 30, 0.01);
}

TEST(Sampler, KeepsTheLikeliestTokens) {
  auto share = shares({.temperature = 1, .top_k = 2}, kLogits);
  EXPECT_EQ(share.size(), 2u);
  EXPECT_NEAR(share[1], 4.0 / 7, 0.01);
  EXPECT_NEAR(share[3], 3.0 / 7, 0.01);
  EXPECT_EQ(shares({.temperature = 1, .top_k = 9}, kLogits).size(), 4u);
}

TEST(Sampler, KeepsTheNucleus) {
  // 0.4 + 0.3 reach 0.7; a little more needs the third.
  EXPECT_EQ(shares({.temperature = 1, .top_p = 0.69}, kLogits).size(), 2u);
  EXPECT_EQ(shares({.temperature = 1, .top_p = 0.71}, kLogits).size(), 3u);
  EXPECT_EQ(shares({.temperature = 1, .top_p = 1e-9}, kLogits).size(), 1u);
  const auto share = shares({.temperature = 1, .top_k = 3, .top_p = 0.5}, kLogits);  // of 4/9, 3/9, 2/9
  EXPECT_EQ(share.size(), 2u);
  EXPECT_EQ(shares({.temperature = 1, .top_p = 0.985}, std::vector<float>(100, 1.0f)).size(), 99u);
}

TEST(Sampler, IsGreedyAtTemperatureZero) {
  Sampler sampler({.temperature = 0});
  EXPECT_EQ(sampler.sample(kLogits), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 7, 7, -3}), 1);
}

TEST(Sampler, KeepsWhatIsNearTheLikeliest) {
  EXPECT_EQ(shares({.temperature = 1, .min_p = 0.74}, kLogits).size(), 2u);  // 3/4 of the likeliest is near enough
  EXPECT_EQ(shares({.temperature = 1, .min_p = 0.76}, kLogits).size(), 1u);
  EXPECT_EQ(shares({.temperature = 1, .min_p = 0.24}, kLogits).size(), 4u);
}

TEST(Sampler, KeepsTheTypical) {
  // Surprises 2.30, 0.92, 1.61, 1.20 and entropy 1.28: the nearest is 0.3 likely, then 0.2, then 0.4.
  auto share = shares({.temperature = 1, .typical_p = 0.25}, kLogits);
  EXPECT_EQ(share.size(), 1u);
  EXPECT_EQ(share.begin()->first, 3);
  share = shares({.temperature = 1, .typical_p = 0.45}, kLogits);
  EXPECT_EQ(share.size(), 2u);
  EXPECT_NEAR(share[3], 0.6, 0.01);
  EXPECT_NEAR(share[2], 0.4, 0.01);
}

TEST(Sampler, AddsBiases) {
  auto share =
      shares({.logit_bias = {{0, std::log(4.0)}, {1, -std::numeric_limits<double>::infinity()}}, .temperature = 1},
             kLogits);  // 4, 0, 2, 3
  EXPECT_EQ(share.size(), 3u);
  EXPECT_NEAR(share[0], 4.0 / 9, 0.01);
  Sampler outside({.logit_bias = {{4, 1.0}}});
  EXPECT_THROW(outside.sample(kLogits), Error);
}

TEST(Sampler, PenalizesRecentTokens) {
  const std::vector<int32_t> tokens = {3, 1, 1, 2};
  const std::vector<float> logits = {-2, 4, -1, 3};
  const auto greedy = [&](SamplerOptions options) {
    options.temperature = 0;
    Sampler sampler(options);
    sampler.accept_prompt(tokens);
    return sampler.sample(logits);
  };
  EXPECT_EQ(greedy({}), 1);
  EXPECT_EQ(greedy({.frequency_penalty = 1.1}), 3);                        // 4 - 2.2 against 3 - 1.1
  EXPECT_EQ(greedy({.presence_penalty = 100}), 0);                         // all others came
  EXPECT_EQ(greedy({.presence_penalty = 3.5, .penalty_window = 3}), 3);    // 3 is no longer remembered
  EXPECT_EQ(greedy({.repetition_penalty = 4, .penalty_window = 1}), 1);    // only -1 becomes -4
  EXPECT_EQ(greedy({.repetition_penalty = 100, .penalty_window = 3}), 3);  // 0.04 against 3
  EXPECT_EQ(greedy({.presence_penalty = 100, .penalty_window = 0}), 1);
}

TEST(Sampler, MayCountWhatIsWrittenAlone) {
  const std::vector<float> logits = {-2, 4, -1, 3};
  Sampler sampler({.presence_penalty = 2, .penalty_window = 3, .penalize_prompt = false, .temperature = 0});
  sampler.accept_prompt(std::vector<int32_t>{1, 1});
  EXPECT_EQ(sampler.sample(logits), 1);
  sampler.accept(1);
  EXPECT_EQ(sampler.sample(logits), 3);
  sampler.accept(3);
  sampler.accept(0);
  EXPECT_EQ(sampler.sample(logits), 1);  // 4 - 2 against 3 - 2
  sampler.accept(0);
  EXPECT_EQ(sampler.sample(logits), 1);  // no longer remembered: 4 against 3 - 2
  Sampler repeating({.repetition_penalty = 2, .penalize_prompt = false, .temperature = 0});
  repeating.accept_prompt(std::vector<int32_t>{1});
  EXPECT_EQ(repeating.sample(logits), 3);
}

TEST(Sampler, GivesLogProbabilities) {
  const auto top = top_log_probabilities(kLogits, 2);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].id, 1);
  EXPECT_NEAR(top[0].value, std::log(0.4), 1e-6);
  EXPECT_EQ(top[1].id, 3);
  EXPECT_NEAR(log_probability(kLogits, 0), std::log(0.1), 1e-6);
  EXPECT_EQ(top_log_probabilities(kLogits, 9).size(), 4u);
}

TEST(Sampler, RepeatsWithItsSeed) {
  const auto draw = [](uint64_t seed) {
    Sampler sampler({.seed = seed});
    std::vector<int32_t> ids;
    for (int i = 0; i < 50; ++i) ids.push_back(sampler.sample(kLogits));
    return ids;
  };
  EXPECT_EQ(draw(3), draw(3));
  EXPECT_NE(draw(3), draw(4));
}

TEST(Sampler, NeverTakesTheImpossible) {
  const float never = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(shares({.temperature = 5}, std::vector<float>{never, 1, never, 2}).size(), 2u);
}

TEST(Sampler, RefusesBadOptionsAndLogits) {
  EXPECT_THROW(Sampler({.temperature = -1}), Error);
  EXPECT_THROW(Sampler({.temperature = std::nan("")}), Error);
  EXPECT_THROW(Sampler({.top_k = -1}), Error);
  EXPECT_THROW(Sampler({.top_p = 0}), Error);
  EXPECT_THROW(Sampler({.top_p = 1.1}), Error);
  EXPECT_THROW(Sampler({.min_p = 1.1}), Error);
  EXPECT_THROW(Sampler({.typical_p = 0}), Error);
  EXPECT_THROW(Sampler({.repetition_penalty = 0}), Error);
  EXPECT_THROW(Sampler({.presence_penalty = std::nan("")}), Error);
  EXPECT_THROW(Sampler({.penalty_window = -1}), Error);
  Sampler sampler({});
  const float never = -std::numeric_limits<float>::infinity();
  EXPECT_THAT(
      [&] {
        sampler.sample(std::vector<float>{1, std::nanf("")});
      },
      ThrowsMessage<Error>(HasSubstr("not numbers")));
  EXPECT_THAT(
      [&] {
        sampler.sample(std::vector<float>{never, never});
      },
      ThrowsMessage<Error>(HasSubstr("no finite logit")));
}

}  // namespace
}  // namespace t6
