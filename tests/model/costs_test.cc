#include "t6/model/costs.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/model/factors.h"
#include "t6/model/presets.h"

namespace t6 {
namespace {

ModelConfig with(AttentionKind kind) {
  ModelConfig config;
  config.num_attention_heads = 32;
  config.head_dim = 64;
  config.attention_kind = kind;
  return config;
}

// Table 1: numbers per token and layer.
TEST(Cache, HasTable1sSizes) {
  const auto numbers = [](const ModelConfig& config) { return attention_shape(config).cache_numbers(); };
  ModelConfig tpa = with(AttentionKind::tpa);
  EXPECT_EQ(numbers(tpa), (2 + 2) * (32 + 64));
  EXPECT_EQ(numbers(with(AttentionKind::tpa_kvonly)), (2 + 2) * (32 + 64));
  tpa.head_factor_bias = true;
  EXPECT_EQ(numbers(tpa), (2 + 2) * (32 + 64)) << "a bias is part of a, which is cached";
  tpa.head_factor_bias = false;
  tpa.head_factors = FactorSource::constant;
  EXPECT_EQ(numbers(tpa), (2 + 2) * 64);
  tpa.head_factors = FactorSource::contextual;
  tpa.feature_factors = FactorSource::constant;
  EXPECT_EQ(numbers(tpa), (2 + 2) * 32);
  ModelConfig shared = with(AttentionKind::tpa);
  shared.shared_kv_features = true;
  EXPECT_EQ(numbers(shared), 2 * 32 + 2 * 32 + 2 * 64);
  ModelConfig third = with(AttentionKind::tpa);
  third.third_order_dim = 4;
  EXPECT_EQ(numbers(third), (2 + 2) * (32 + 16 + 4));
  EXPECT_EQ(numbers(with(AttentionKind::mha)), 2 * 32 * 64);
  EXPECT_EQ(numbers(with(AttentionKind::mqa)), 2 * 64);
  EXPECT_EQ(numbers(with(AttentionKind::mfa)), 2 * 64);
  ModelConfig gqa = with(AttentionKind::gqa);
  gqa.num_key_value_heads = 4;
  EXPECT_EQ(numbers(gqa), 2 * 4 * 64);
  ModelConfig mla = with(AttentionKind::mla);
  mla.kv_lora_rank = 256;
  mla.qk_rope_head_dim = 32;
  EXPECT_EQ(numbers(mla), 256 + 32);
}

// Appendix A at H = 32, D = 64.
TEST(Decode, HasThePapersMultiplyAdds) {
  ModelConfig tpa = with(AttentionKind::tpa);
  tpa.q_rank = 16;
  EXPECT_EQ(decode_multiply_adds(tpa), 7168);
  tpa.k_rank = tpa.v_rank = 1;
  EXPECT_EQ(decode_multiply_adds(tpa), 3584);
  tpa.q_rank = 8;
  EXPECT_EQ(decode_multiply_adds(tpa), 2816);
  EXPECT_EQ(decode_multiply_adds(with(AttentionKind::mha)), 4096);
  EXPECT_EQ(decode_multiply_adds(with(AttentionKind::mqa)), 4096);
  ModelConfig mla = with(AttentionKind::mla);
  mla.kv_lora_rank = 256;
  mla.qk_rope_head_dim = 32;
  EXPECT_EQ(decode_multiply_adds(mla), 17408);
}

TEST(Cache, BytesFollowTheType) {
  ModelConfig tpa = with(AttentionKind::tpa);
  tpa.num_hidden_layers = 3;
  EXPECT_EQ(cache_bytes(tpa, NumberType::f32), 3 * 384 * 4);
  EXPECT_EQ(cache_bytes(tpa, NumberType::bf16), 3 * 384 * 2);
  EXPECT_EQ(cache_bytes(tpa, NumberType::i8), 3 * (384 + 8 * 2));
  EXPECT_EQ(cache_bytes(tpa, NumberType::i4), 3 * (384 / 2 + 8 * 2));
  EXPECT_EQ(longest_context(tpa, NumberType::bf16, 1), 0);
  const int64_t weights = 2 * parameter_count(tpa);
  EXPECT_EQ(longest_context(tpa, NumberType::bf16, weights + 10 * 3 * 384 * 2), 10);
  EXPECT_EQ(longest_context(tpa, NumberType::i4, weights / 4 + 10 * 3 * (384 / 2 + 8 * 2)), 10);
  // Rows of values of 34 numbers are two blocks of 32, and head factors of 5 heads are rows of 64 tokens.
  ModelConfig odd = with(AttentionKind::tpa);
  odd.num_hidden_layers = 1;
  odd.num_attention_heads = 5;
  odd.head_dim = 34;
  EXPECT_EQ(cache_bytes(odd, NumberType::i4), 2 * 5 + 34 + 2 * 32 + 8 * 2);
  EXPECT_THROW(cache_bytes(odd, NumberType::q8_0), Error);
}

TEST(Cache, BytesOfWindowsAreBounded) {
  ModelConfig config = with(AttentionKind::tpa);
  config.num_hidden_layers = 3;
  config.max_position_embeddings = 100'000;
  const int64_t layer = 64 * 384 * 2;  // of a page
  EXPECT_EQ(cache_bytes_at(config, NumberType::bf16, 10'000), 3 * 157 * layer);
  config.sliding_window = 1000;
  config.layer_types = {LayerType::sliding, LayerType::full, LayerType::sliding};
  EXPECT_EQ(cache_bytes(config, NumberType::bf16), 3 * 384 * 2);
  EXPECT_EQ(cache_bytes_at(config, NumberType::bf16, 900), 3 * 15 * layer);
  EXPECT_EQ(cache_bytes_at(config, NumberType::bf16, 10'000), (157 + 2 * 17) * layer);
  const int64_t weights = 2 * parameter_count(config);
  EXPECT_EQ(longest_context(config, NumberType::bf16, weights + (157 + 2 * 17) * layer), 157 * 64);
  EXPECT_EQ(longest_context(config, NumberType::bf16, weights), 0);
  config.layer_types.clear();
  EXPECT_EQ(longest_context(config, NumberType::bf16, weights + 3 * 17 * layer), 100'000);
  EXPECT_EQ(longest_context(config, NumberType::bf16, weights + 3 * 2 * layer), 128);
}

TEST(Baselines, HaveTheSameSize) {
  const ModelConfig tpa = preset("small-tpa");
  for (const char* name : {"mha", "mqa", "gqa", "mla", "mfa"}) {
    const AttentionKind kind = parse_attention_kind(name);
    const ModelConfig other = equal_size_baseline(tpa, kind);
    EXPECT_NEAR(static_cast<double>(parameter_count(other)) / static_cast<double>(parameter_count(tpa)), 1, 0.02)
        << name;
  }
  EXPECT_EQ(equal_size_baseline(tpa, AttentionKind::mha).num_attention_heads, 12);
}

}  // namespace
}  // namespace t6
