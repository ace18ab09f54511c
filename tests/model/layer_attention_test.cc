#include "t6/model/layer_attention.h"

#include <gmock/gmock.h>

namespace t6 {
namespace {

ModelConfig three_layers() {
  ModelConfig config;
  config.num_hidden_layers = 3;
  config.max_position_embeddings = 100;
  return config;
}

TEST(LayerAttention, IsTheSameForLayersThatAreAlike) {
  const ModelConfig config = three_layers();
  const LayerAttention wanted = {0, 0, {config.head_dim, config.rope_theta, {}}};
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(layer_attention(config, i), wanted);
}

TEST(LayerAttention, TakesTypesAndRotationsOfLayers) {
  ModelConfig config = three_layers();
  config.sliding_window = 8;
  config.attention_sinks = 2;
  config.layer_types = {LayerType::sliding, LayerType::full, LayerType::sliding};
  config.no_rope_layers = {1, 1, 0};
  config.rope_local_base_freq = 500;
  config.rope_scaling = {RopeScalingKind::linear, 4};
  EXPECT_EQ(layer_attention(config, 0), (LayerAttention{8, 2, {config.head_dim, 500, {}}}));
  EXPECT_EQ(layer_attention(config, 1), (LayerAttention{0, 0, {config.head_dim, 10000, config.rope_scaling}}));
  EXPECT_EQ(layer_attention(config, 2), (LayerAttention{8, 2, {}}));
  config.layer_types.clear();
  EXPECT_EQ(layer_attention(config, 1).window, 8);
}

TEST(LayerAttention, RotationsHaveTables) {
  RotaryTable table = rotary_table({4, 100, {RopeScalingKind::yarn, 4, 1, 4, 64, 32, 1, true, 1.5}});
  table.extend(2);
  EXPECT_EQ(table.dim(), 4);
  EXPECT_FLOAT_EQ(table.at(0)[0], 1.5f);  // yarn's attention_factor times cos 0
  EXPECT_EQ(rotary_table({}).dim(), 0);
}

}  // namespace
}  // namespace t6
