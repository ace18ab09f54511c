#include "t6/infer/key_bias.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "t6/infer/cache_file.h"
#include "tests/error_of.h"
#include "tests/infer/random_weights.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ModelConfig biased_config(AttentionKind kind = AttentionKind::gqa) {
  ModelConfig config;
  config.attention_kind = kind;
  config.vocab_size = 50;
  config.hidden_size = 32;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = kind == AttentionKind::mha ? 4 : kind == AttentionKind::mqa ? 1 : 2;
  config.head_dim = 16;
  config.max_position_embeddings = 300;
  config.attention_bias = true;
  return config;
}

// With keys and values whose biases are as large as Qwen2's, where queries are small enough for attention to be spread
// among many tokens.
NamedFloats biased_tensors(const ModelConfig& config, float size) {
  NamedFloats tensors = random_tensors(config);
  const auto D = static_cast<size_t>(config.head_dim), C = static_cast<size_t>(config.hidden_size);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const std::string self = layer_prefix(i) + "self_attn.";
    auto &keys = tensors[self + "k_proj.bias"], &values = tensors[self + "v_proj.bias"];
    std::ranges::fill(tensors[layer_prefix(i) + "input_layernorm.weight"], 1.0f);
    auto &queries = tensors[self + "q_proj.weight"], &query_bias = tensors[self + "q_proj.bias"];
    for (const size_t feature : {D / 2 - 1, D - 1, size_t{2}}) {
      for (size_t row = feature; row < keys.size(); row += D) keys[row] += size, values[row] += size / 10;
      for (size_t row = feature; row < query_bias.size(); row += D) {
        query_bias[row] /= size;
        for (size_t c = 0; c < C; ++c) queries[row * C + c] /= size;
      }
    }
  }
  return tensors;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(a[i] - b[i], 2);
    size += std::pow(b[i], 2);
  }
  return std::sqrt(difference / size);
}

std::vector<float> logits_with(const std::shared_ptr<const Model>& model, NumberType type) {
  ForwardPass pass(test_context(), model);
  const auto ids = random_ids(model->config(), 150);
  FactorCache cache(model->config(), {.type = type});
  auto logits = copy(pass.run(std::span(ids).first(120), cache, Logits::all));
  for (size_t i = 120; i < ids.size(); ++i) {
    const auto next = pass.run({&ids[i], 1}, cache, Logits::last);
    logits.insert(logits.end(), next.begin(), next.end());
  }
  return logits;
}

TEST(KeyBias, HoldsPairsThatAreLarge) {
  const RotaryTable rotary(4, 10000);
  // Pairs (0, 2) and (1, 3), and features 4 and 5 that do not rotate.
  std::vector<float> bias = {1, 3, 1, 4, 6, -4, 0, 0, 0, 0, 0, 0, 6, 0, -8, 0, 0, -7};
  const KeyBias held(std::vector<float>{4.5f, 0, 5}, rotary, bias);
  EXPECT_THAT(bias, ElementsAre(1, 0, 1, 0, 0, -4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(held.features(), ElementsAre(1, 0));
  const HeldBias view = held.view(nullptr);
  EXPECT_EQ(view.rotary_dim, 4);
  EXPECT_THAT(std::span(view.first, 4), ElementsAre(0, 1, 1, 2));
  for (int64_t t = 0; t < kPageTokens; ++t) {
    const auto slow = static_cast<double>(t) / 100, fast = static_cast<double>(t);
    EXPECT_NEAR(view.rows[t], 3 * std::cos(slow) - 4 * std::sin(slow), 1e-5);
    EXPECT_NEAR(view.rows[kPageTokens + t], 4 * std::cos(slow) + 3 * std::sin(slow), 1e-5);
    EXPECT_NEAR(view.rows[2 * kPageTokens + t], 6 * std::cos(fast) + 8 * std::sin(fast), 1e-5);
    EXPECT_NEAR(view.rows[3 * kPageTokens + t], -8 * std::cos(fast) + 6 * std::sin(fast), 1e-5);
  }
}

TEST(KeyBias, HoldsNothingOfSmallBiases) {
  std::vector<float> bias = {1, 2, 3, 4};
  const KeyBias held(std::vector<float>{10}, RotaryTable(4, 10000), bias);
  EXPECT_THAT(bias, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(held.view(nullptr).first, nullptr);
  EXPECT_EQ(KeyBias().view(nullptr).first, nullptr);
}

// A shift that mixes nothing in leaves the model as it is, but keeps biases where they are.
TEST(KeyBias, GivesTheLogitsOfKeysThatHaveIt) {
  for (const AttentionKind kind : {AttentionKind::mha, AttentionKind::gqa, AttentionKind::mqa}) {
    for (const double rotated : {1.0, 0.5, 0.0}) {
      SCOPED_TRACE(fmt::format("{}, {} of the features rotated", attention_kind_name(kind), rotated));
      ModelConfig config = biased_config(kind), plain_config = config;
      config.partial_rotary_factor = rotated;
      NamedFloats tensors = biased_tensors(config, 100);
      const auto model = model_of(config, tensors);
      EXPECT_EQ(model->layers()[1].key_bias.features().empty(), rotated == 0);
      plain_config = config;
      plain_config.kv_shift = true;
      const auto heads = static_cast<size_t>(config.num_attention_heads);
      for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
        for (const char* shift : {"self_attn.k_shift", "self_attn.v_shift"}) {
          auto& mix = tensors[layer_prefix(i) + shift];
          mix.assign(2 * heads, 0);
          std::fill_n(mix.begin(), heads, 1.0f);
        }
      }
      const auto plain = model_of(plain_config, tensors);
      EXPECT_TRUE(plain->layers()[1].key_bias.features().empty());
      const auto wanted = logits_with(plain, NumberType::f32);
      EXPECT_LT(distance(logits_with(model, NumberType::f32), wanted), 1e-4);
      const double error = distance(logits_with(model, NumberType::i8), wanted);
      EXPECT_LT(error, 0.01);
      EXPECT_GT(distance(logits_with(plain, NumberType::i8), wanted), 4 * error);
    }
  }
}

// However large biases are, a cache's integers are for what is left.
TEST(KeyBias, KeepsSmallTypesNearFloat32) {
  for (const float size : {1.0f, 30.0f, 1000.0f}) {
    SCOPED_TRACE(size);
    const auto model = model_of(biased_config(), biased_tensors(biased_config(), size));
    const auto wanted = logits_with(model, NumberType::f32);
    EXPECT_LT(distance(logits_with(model, NumberType::bf16), wanted), 0.02);
    EXPECT_LT(distance(logits_with(model, NumberType::i8), wanted), 0.03);
    EXPECT_LT(distance(logits_with(model, NumberType::i4), wanted), 0.3);
  }
}

// A file says what its keys lack.
TEST(KeyBias, IsTheCachesOwnModels) {
  const TemporaryFolder folder;
  const ModelConfig config = biased_config();
  NamedFloats tensors = biased_tensors(config, 100);
  const auto large = model_of(config, tensors);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    for (float& x : tensors[layer_prefix(i) + "self_attn.k_proj.bias"]) x /= 1000;
  }
  const auto small = model_of(config, tensors);
  FactorCache cache(config);
  save_cache(folder / "cache", *large, cache, {});
  EXPECT_EQ(error_of([&] { load_cache(folder / "cache", *large, cache); }), "no error");
  EXPECT_THAT(error_of([&] { load_cache(folder / "cache", *small, cache); }), HasSubstr("the saved cache's model is"));
}

}  // namespace
}  // namespace t6
