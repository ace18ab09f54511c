#include "t6/model/config.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/model/parameters.h"
#include "t6/model/presets.h"
#include "tests/error_of.h"
#include "tests/source_dir.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Config, EveryPresetSurvivesARoundTrip) {
  for (const std::string& name : preset_names()) {
    const Json json = config_to_json(preset(name));
    EXPECT_EQ(config_to_json(config_from_json(json, name)), json) << name;
  }
}

TEST(Config, NamesTheWrongKey) {
  const auto read = [](const char* text) { config_from_json(Json::parse(text), "f"); };
  EXPECT_THAT([&] { read(R"({"hidden_size": "big"})"); }, ThrowsMessage<Error>(HasSubstr("\"hidden_size\"")));
  EXPECT_THAT([&] { read(R"({"hidden_size": 0})"); }, ThrowsMessage<Error>(HasSubstr("from 1")));
  EXPECT_THAT([&] { read(R"({"num_hidden_layers": 99999999999})"); }, ThrowsMessage<Error>(HasSubstr("1048576")));
  EXPECT_THAT([&] { read(R"({"attention_kind": "mqqa"})"); }, ThrowsMessage<Error>(HasSubstr("mha, mqa, gqa")));
}

TEST(Config, StrictReadingRefusesUnknownKeys) {
  const Json json = Json::parse(R"({"hiden_size": 64})");
  EXPECT_NO_THROW(config_from_json(json, "f"));
  EXPECT_THAT([&] { config_from_json(json, "f", {}, true); },
              ThrowsMessage<Error>(HasSubstr("\"hiden_size\" is not known")));
}

TEST(Config, RefusesWhatDoesNotGoTogether) {
  const char* bad[] = {
      R"({"attention_kind": "gqa", "num_attention_heads": 6, "num_key_value_heads": 4})",
      R"({"attention_kind": "gqa"})",
      R"({"attention_kind": "mla"})",
      R"({"attention_kind": "mla", "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 3})",
      R"({"attention_kind": "mla", "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "query_key_norm": true})",
      R"({"attention_kind": "mfa"})",
      R"({"attention_kind": "mha", "q_lora_rank": 8})",
      R"({"attention_kind": "mha", "head_factors": "constant"})",
      R"({"attention_kind": "mha", "third_order_dim": 2})",
      R"({"head_factors": "constant", "feature_factors": "constant"})",
      R"({"head_factors": "constant", "head_activation": "sigmoid"})",
      R"({"shared_kv_features": true, "k_rank": 2, "v_rank": 3})",
      R"({"shared_kv_features": true, "v_head_dim": 16})",
      R"({"third_order_dim": 3})",
      R"({"attention_kind": "gqa", "num_key_value_heads": 2, "head_factor_bias": true})",
      R"({"attention_kind": "mha", "factor_init": "grouped"})",
      R"({"attention_kind": "mha", "head_factor_init_scale": 0.1})",
      R"({"head_factors": "constant", "head_factor_bias": true})",
      R"({"head_factors": "constant", "head_factor_init_scale": 0.1})",
      R"({"factor_init": "grouped"})",
      R"({"factor_init": "uniform"})",
      R"({"factor_init": "grouped", "head_factor_bias": true, "head_activation": "sigmoid"})",
      R"({"factor_init": "grouped", "head_factor_bias": true, "third_order_dim": 2})",
      R"({"factor_init": "grouped", "head_factor_bias": true, "feature_factors": "constant"})",
      R"({"head_factor_bias": true, "head_factor_init_scale": -1})",
      R"({"third_order_dim": 4, "query_key_norm": true})",
      R"({"head_dim": 33})",
      R"({"partial_rotary_factor": 1.5})",
      R"({"attention_bias": true})",
      R"({"rope_scaling": {"rope_type": "longrope", "factor": 2}})",
      R"({"rope_scaling": {"rope_type": "yarn", "factor": 2, "beta_fast": 1, "beta_slow": 2}})",
      R"({"rope_scaling": {"rope_type": "dynamic"}})",
      R"({"layer_types": ["sliding_attention"]})",
      R"({"num_hidden_layers": 1, "layer_types": ["sliding_attention"]})",
      R"({"num_hidden_layers": 1, "layer_types": ["full_attention"], "sliding_window": 8})",
      R"({"num_hidden_layers": 1, "layer_types": ["chunked_attention"], "sliding_window": 8})",
      R"({"num_hidden_layers": 1, "layer_types": [1], "sliding_window": 8})",
      R"({"layer_types": "full_attention"})",
      R"({"sliding_window": -1})",
      R"({"attention_sinks": 4})",
      R"({"rope_local_base_freq": 1e4})",
      R"({"num_hidden_layers": 2, "no_rope_layers": [1]})",
      R"({"num_hidden_layers": 2, "no_rope_layers": [1, 2]})",
      R"({"hidden_act": "gelu"})",
      R"({"embedding_scale": 0})",
      R"({"rope_scaling": {"rope_type": "linear"}})",
      R"({"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4,
                           "original_max_position_embeddings": 8192}})",
  };
  for (const char* text : bad) EXPECT_THROW(config_from_json(Json::parse(text), "f"), Error) << text;
}

TEST(Config, TheDocumentNamesEveryHeadActivation) {
  const std::string text = read_text(source_dir() / "docs/models.md");
  for (const auto& [activation, name] : kHeadActivations) {
    EXPECT_NE(text.find(std::string("`") + name + "`"), std::string::npos) << name;
    ModelConfig config;
    config.head_activation = activation;
    EXPECT_EQ(config_from_json(config_to_json(config), "f").head_activation, activation);
  }
}

TEST(Config, KeepsHowFactorsBegin) {
  const Json json =
      Json::parse(R"({"head_factor_bias": true, "factor_init": "grouped", "head_factor_init_scale": 0.25})");
  const Json kept = config_to_json(config_from_json(json, "f"));
  for (const auto& [key, value] : json.items()) EXPECT_EQ(kept[key], value) << key;
  EXPECT_EQ(config_to_json(config_from_json(kept, "f")), kept);
  for (const auto& [key, value] : json.items()) EXPECT_FALSE(config_to_json({}).contains(key)) << key;
}

TEST(Config, KeepsRopeScaling) {
  ModelConfig config;
  EXPECT_TRUE(config_to_json(config)["rope_scaling"].is_null());
  for (const RopeScaling& scaling :
       {RopeScaling{RopeScalingKind::linear, 2.5}, RopeScaling{RopeScalingKind::llama3, 8, 1.5, 4, 4096},
        RopeScaling{RopeScalingKind::yarn, 4, 1, 4, 512, 16, 2, false, 1.25},
        RopeScaling{RopeScalingKind::dynamic, 3}}) {
    config.rope_scaling = scaling;
    const Json json = config_to_json(config);
    EXPECT_EQ(config_to_json(config_from_json(json, "f")), json);
  }
  const Json old = Json::parse(R"({"rope_scaling": {"type": "linear", "factor": 2.0}})");
  EXPECT_EQ(config_from_json(old, "f").rope_scaling.kind, RopeScalingKind::linear);
}

TEST(Config, KeepsLayersThatDiffer) {
  const Json json = Json::parse(R"({"num_hidden_layers": 3, "sliding_window": 8, "attention_sinks": 2,
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention"], "no_rope_layers": [1, 0, 1],
      "rope_local_base_freq": 5000.0, "post_norms": true, "hidden_act": "gelu_pytorch_tanh", "embedding_scale": 8.0,
      "query_pre_attn_scalar": 64.0, "attention_output_bias": true})");
  const Json kept = config_to_json(config_from_json(json, "f"));
  for (const auto& [key, value] : json.items()) EXPECT_EQ(kept[key], value) << key;
  EXPECT_EQ(config_to_json(config_from_json(kept, "f")), kept);
}

TEST(Config, ClassifiersHaveLabels) {
  const Json json = Json::parse(R"({"num_labels": 3, "label_pooling": "last", "label_pairs": true})");
  const ModelConfig config = config_from_json(json, "f");
  EXPECT_TRUE(config.is_classifier());
  EXPECT_EQ(config.classifier_inputs(), 4 * config.hidden_size);
  const Json kept = config_to_json(config);
  for (const auto& [key, value] : json.items()) EXPECT_EQ(kept[key], value) << key;
  EXPECT_EQ(kept["architectures"][0], "T6ForSequenceClassification");
  EXPECT_EQ(parameters(config).back().name, "classifier.weight");
  EXPECT_EQ(parameters(config).back().shape, (Shape{3, 512}));
  const auto error = [](const char* text) { return error_of([&] { config_from_json(Json::parse(text), "f"); }); };
  EXPECT_THAT(error(R"({"label_pairs": true})"), HasSubstr("are for classifiers"));
  EXPECT_THAT(error(R"({"num_labels": 2, "label_pooling": "max"})"), HasSubstr("wanted one of mean, last"));
  EXPECT_THAT(error(R"({"num_labels": 2, "bidirectional": true, "sliding_window": 8})"),
              HasSubstr("goes without \"sliding_window\""));
  EXPECT_THAT(error(R"({"num_labels": 2, "bidirectional": true, "label_pooling": "last"})"),
              HasSubstr("goes with label_pooling mean"));
}

// Whatever reads models of before these keys reads them as before.
TEST(Config, LeavesOutWhatLayersThatAreAlikeDoNotSay) {
  const Json json = config_to_json({});
  for (const char* key : {"sliding_window", "layer_types", "no_rope_layers", "attention_sinks", "rope_local_base_freq",
                          "post_norms", "hidden_act", "embedding_scale", "query_pre_attn_scalar",
                          "attention_output_bias", "num_labels", "label_pooling", "label_pairs", "bidirectional"}) {
    EXPECT_FALSE(json.contains(key)) << key;
  }
}

TEST(Config, TheDocumentNamesEveryKey) {
  const std::string text = read_text(source_dir() / "docs/models.md");
  for (const char* key : {"sliding_window", "layer_types", "no_rope_layers", "attention_sinks", "rope_local_base_freq",
                          "post_norms", "hidden_act", "embedding_scale", "query_pre_attn_scalar",
                          "attention_output_bias", "yarn", "dynamic", "head_factor_bias", "factor_init",
                          "head_factor_init_scale", "num_labels", "label_pooling", "label_pairs", "bidirectional"}) {
    EXPECT_NE(text.find(std::string("`") + key + "`"), std::string::npos) << key;
  }
}

}  // namespace
}  // namespace t6
