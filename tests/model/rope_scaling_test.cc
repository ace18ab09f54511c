#include "t6/model/rope_scaling.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "t6/formats/json.h"

namespace t6 {
namespace {

TEST(RopeScaling, LinearDividesEveryFrequency) {
  EXPECT_THAT(frequency_divisors({RopeScalingKind::linear, 2.5}, 6, 10000), ::testing::Each(2.5));
  EXPECT_EQ(frequency_divisors({RopeScalingKind::linear, 2.5}, 6, 10000).size(), 3u);
  EXPECT_TRUE(frequency_divisors({}, 6, 10000).empty());
}

// Llama 3.1's: written after the definition in wavelengths, where frequency_divisors counts turns.
TEST(RopeScaling, Llama3BlendsBetweenWavelengths) {
  const RopeScaling scaling = {RopeScalingKind::llama3, 8, 1, 4, 8192};
  const auto divisors = frequency_divisors(scaling, 128, 500000);
  ASSERT_EQ(divisors.size(), 64u);
  int kept = 0, blended = 0, divided = 0;
  for (size_t i = 0; i < 64; ++i) {
    const double frequency = std::pow(500000, -static_cast<double>(i) / 64);
    const double wavelength = 2 * std::numbers::pi / frequency;
    double wanted = frequency / 8;
    if (wavelength < 8192.0 / 4) {
      wanted = frequency;
      ++kept;
    } else if (wavelength <= 8192.0) {
      const double smooth = (8192 / wavelength - 1) / (4 - 1);
      wanted = (1 - smooth) * frequency / 8 + smooth * frequency;
      ++blended;
    } else {
      ++divided;
    }
    EXPECT_NEAR(frequency / divisors[i], wanted, 1e-12 * wanted) << i;
  }
  EXPECT_GT(kept, 20);
  EXPECT_GT(blended, 3);
  EXPECT_GT(divided, 20);
}

// The values are those of transformers 5.24, ROPE_INIT_FUNCTIONS["yarn"], of 16 features in 512 positions.
TEST(RopeScaling, YarnIsThatOfTransformers) {
  Json json = {{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 512}};
  const auto read = [&] { return rope_scaling_from_json(JsonObject(json, "f"), 2048); };
  const auto near = [](std::vector<double> wanted) {
    return ::testing::Pointwise(::testing::DoubleNear(1e-5), wanted);
  };
  EXPECT_THAT(frequency_divisors(read(), 16, 1e4), near({1, 1.230769, 1.6, 2.285714, 4, 4, 4, 4}));
  EXPECT_NEAR(rotary_scale(read()), 1.138629436111989, 1e-12);
  json["truncate"] = false;
  json["beta_fast"] = 16;
  json["beta_slow"] = 2;
  json["mscale"] = 1;
  json["mscale_all_dim"] = 0.5;
  EXPECT_THAT(frequency_divisors(read(), 16, 1e4), near({1, 1, 1.321625, 2.92909, 4, 4, 4, 4}));
  EXPECT_NEAR(rotary_scale(read()), 1.0648216253695715, 1e-12);
  json["attention_factor"] = 1.5;
  EXPECT_EQ(rotary_scale(read()), 1.5);
  json.erase("original_max_position_embeddings");
  EXPECT_EQ(read().original_max_position_embeddings, 2048);
}

TEST(RopeScaling, DynamicChangesNothingWithinThePositions) {
  const Json json = {{"rope_type", "dynamic"}, {"factor", 4.0}};
  const RopeScaling scaling = rope_scaling_from_json(JsonObject(json, "f"), 2048);
  EXPECT_TRUE(frequency_divisors(scaling, 16, 1e4).empty());
  EXPECT_EQ(rotary_scale(scaling), 1);
}

}  // namespace
}  // namespace t6
