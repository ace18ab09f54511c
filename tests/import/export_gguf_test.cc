#include "t6/import/export_gguf.h"

#include <gmock/gmock.h>

#include "t6/formats/gguf.h"
#include "t6/formats/json.h"
#include "t6/infer/load.h"
#include "t6/numbers/dequantize.h"
#include "tests/context.h"
#include "tests/error_of.h"
#include "tests/import/foreign_model.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ExportGguf : public ::testing::Test {
 protected:
  // The model as it is read from its own GGUF file, with a tokenizer.
  ImportedModel model(const std::string& architecture = "llama") {
    return import_gguf(test_context(), folder_.write("in.gguf", gguf_model(config_, tensors_, architecture).file()));
  }
  // A model of any configuration, with the tokenizer of model().
  ImportedModel model_with(const ModelConfig& config) {
    const ModelConfig plain = llama_config();
    ImportedModel out =
        import_gguf(test_context(), folder_.write("plain.gguf", gguf_model(plain, random_tensors(plain)).file()));
    tensors_ = random_tensors(config);
    out.config = config;
    out.tensors.clear();
    for (const Parameter& parameter : parameters(config)) {
      out.tensors[parameter.name] = {NumberType::f32, parameter.shape,
                                     std::as_bytes(std::span(tensors_.at(parameter.name)))};
    }
    return out;
  }
  std::vector<std::string> write(ImportedModel model, std::optional<NumberType> type = {}) {
    std::filesystem::remove(out());
    return export_gguf(test_context(), std::move(model), type, "source", out());
  }
  std::string error(const ModelConfig& config) {
    return error_of([&] { write(model_with(config)); });
  }
  std::filesystem::path out() { return folder_ / "out.gguf"; }
  LoadedModel loaded() { return load_model(test_context(), out()); }

  ModelConfig config_ = llama_config();
  NamedFloats tensors_ = random_tensors(config_);
  TemporaryFolder folder_;
};

TEST_F(ExportGguf, GivesTheSameModelOfEachArchitecture) {
  for (const char* architecture : {"llama", "qwen2", "qwen3"}) {
    config_ = config_of(gguf_architecture(architecture, "test"));
    tensors_ = random_tensors(config_);
    EXPECT_THAT(write(model(architecture)), IsEmpty());
    EXPECT_EQ(GgufFile(out()).values().string("general.architecture"), architecture);
    EXPECT_THAT(logits_of(loaded().model), ElementsAreArray(logits_of(model_of(config_, tensors_)))) << architecture;
    EXPECT_EQ(config_to_json(loaded().config()), config_to_json(model(architecture).config)) << architecture;
  }
}

TEST_F(ExportGguf, KeepsEveryBiasAndAnOutputHeadOfItsOwn) {
  config_.attention_bias = config_.attention_output_bias = true;
  config_.tie_word_embeddings = false;
  tensors_ = random_tensors(config_);
  write(model());
  EXPECT_THAT(logits_of(loaded().model), ElementsAreArray(logits_of(model_of(config_, tensors_))));
}

TEST_F(ExportGguf, WritesNormsWithoutWeightsAsOnes) {
  config_.norm_weight = false;
  write(model_with(config_));
  EXPECT_TRUE(loaded().config().norm_weight);
  EXPECT_THAT(logits_of(loaded().model), ElementsAreArray(logits_of(model_of(config_, tensors_))));
}

TEST_F(ExportGguf, KeepsTheTokenizer) {
  const ImportedModel before = model();
  write(model());
  const ImportedModel after = import_gguf(test_context(), out());
  EXPECT_EQ(after.tokenizer_json, before.tokenizer_json);
  EXPECT_EQ(after.text, before.text);
  EXPECT_THAT(GgufFile(out()).strings("tokenizer.ggml.merges"), ElementsAre("h i"));
  EXPECT_EQ(GgufFile(out()).values().string("tokenizer.ggml.pre"), "smollm");
}

TEST_F(ExportGguf, KeepsSentencePieces) {
  GgufBuilder builder;
  add_sizes(builder, config_, "llama");
  add_sentence_pieces(builder);
  add_tensors(builder, config_, tensors_, true);
  const ImportedModel before = import_gguf(test_context(), folder_.write("in.gguf", builder.file()));
  write(import_gguf(test_context(), folder_ / "in.gguf"));
  const ImportedModel after = import_gguf(test_context(), out());
  EXPECT_EQ(after.tokenizer_json, before.tokenizer_json);
  EXPECT_EQ(after.text, before.text);
}

TEST_F(ExportGguf, WritesTheByteTokenizerAndRowsWithoutATokenAndSampling) {
  ImportedModel bytes = model();
  bytes.tokenizer_json = byte_tokenizer()->json();
  bytes.text = {};
  bytes.text.end_of_text = {256};
  bytes.text.sampling = {.temperature = 0.5, .typical_p = 0.9, .top_k = 7};
  EXPECT_THAT(write(std::move(bytes)), ElementsAre("source: typical_p 0.9: GGUF has no key for it"));
  const LoadedModel model = loaded();
  const std::string text = "T\u00e4x\n";
  EXPECT_EQ(model.tokenizer->encode_whole(text), byte_tokenizer()->encode_whole(text));
  EXPECT_EQ(model.tokenizer->token(259), "[PAD259]");
  EXPECT_TRUE(model.ends_text(256));
  EXPECT_EQ(model.text.sampling, (SamplingSettings{.temperature = 0.5, .top_k = 7}));
}

TEST_F(ExportGguf, StoresMatricesInTheTypeThatIsWanted) {
  for (const NumberType type : {NumberType::f32, NumberType::f16, NumberType::bf16, NumberType::q8_0}) {
    write(model(), type);
    const GgufFile file(out());
    EXPECT_EQ(file.find("blk.0.attn_k.weight")->type, type);
    EXPECT_EQ(file.find("blk.0.attn_norm.weight")->type, NumberType::f32);
    EXPECT_EQ(file.find("blk.0.attn_output.weight")->type,  // 48 columns
              type == NumberType::q8_0 ? NumberType::bf16 : type);
    const auto exact = dequantize(model().tensors.at("model.layers.0.mlp.up_proj.weight"));
    const auto stored = dequantize(*file.find("blk.0.ffn_up.weight"));
    for (size_t i = 0; i < exact.size(); ++i) ASSERT_NEAR(stored[i], exact[i], 2e-3) << number_type_name(type);
  }
  auto big = model();
  std::vector<float> numbers(260 * 32, 1e6f);
  big.tensors["model.embed_tokens.weight"].bytes = std::as_bytes(std::span(numbers));
  EXPECT_THAT(error_of([&] { write(std::move(big), NumberType::f16); }),
              HasSubstr("\"model.embed_tokens.weight\" holds a number that F16 cannot"));
}

TEST_F(ExportGguf, KeepsRopeScaling) {
  for (const RopeScaling& scaling : {RopeScaling{.kind = RopeScalingKind::linear, .factor = 4},
                                     RopeScaling{.kind = RopeScalingKind::llama3, .factor = 8},
                                     RopeScaling{.kind = RopeScalingKind::yarn,
                                     .factor = 4,
                                     .original_max_position_embeddings = 16,
                                     .attention_factor = yarn_attention_factor(4)}}) {
    config_.rope_scaling = scaling;
    write(model_with(config_));
    EXPECT_EQ(loaded().config().rope_scaling, scaling);
  }
  config_.rope_scaling = {.kind = RopeScalingKind::dynamic, .factor = 2};
  EXPECT_THAT(error(config_), HasSubstr("source: llama.cpp has no rope scaling \"dynamic\""));
  config_.rope_scaling = {.kind = RopeScalingKind::llama3, .factor = 8};
  config_.query_key_norm = true;
  EXPECT_THAT(error(config_), HasSubstr("no rope scaling \"llama3\" in a model of Qwen3"));
}

TEST_F(ExportGguf, RefusesWhatLlamaCppDoesNotKnow) {
  ModelConfig tpa = config_;
  tpa.attention_kind = AttentionKind::tpa;
  EXPECT_THAT(error(tpa), HasSubstr("source: llama.cpp has no attention of the kind tpa"));
  const auto with = [&](auto member, auto value) {
    ModelConfig config = config_;
    config.*member = value;
    return error(config);
  };
  EXPECT_THAT(with(&ModelConfig::output_gate, true), HasSubstr("\"output_gate\""));
  EXPECT_THAT(with(&ModelConfig::head_output_norm, true), HasSubstr("\"head_output_norm\""));
  EXPECT_THAT(with(&ModelConfig::kv_shift, true), HasSubstr("\"kv_shift\""));
  EXPECT_THAT(with(&ModelConfig::sliding_window, 8), HasSubstr("\"sliding_window\""));
  EXPECT_THAT(with(&ModelConfig::partial_rotary_factor, 0.5), HasSubstr("\"partial_rotary_factor\""));
  EXPECT_THAT(with(&ModelConfig::v_head_dim, 16), HasSubstr("\"v_head_dim\""));
  EXPECT_THAT(with(&ModelConfig::post_norms, true), HasSubstr("\"post_norms\""));
  EXPECT_THAT(with(&ModelConfig::query_pre_attn_scalar, 12), HasSubstr("\"query_pre_attn_scalar\""));
  EXPECT_THAT(with(&ModelConfig::no_rope_layers, std::vector<int64_t>{1, 0}), HasSubstr("\"no_rope_layers\""));
  config_.query_key_norm = true;
  EXPECT_THAT(with(&ModelConfig::attention_bias, true), HasSubstr("\"query_key_norm\" and biases"));
  EXPECT_FALSE(path_exists(out()));
}

TEST_F(ExportGguf, RefusesTokenizersThatGgufCannotDescribe) {
  const auto refused = [&](const std::function<void(Json&)>& change) {
    ImportedModel changed = model();
    Json json = Json::parse(changed.tokenizer_json);
    change(json);
    changed.tokenizer_json = json.dump();
    return error_of([&] { write(std::move(changed)); });
  };
  EXPECT_THAT(refused([](Json& json) { json["pre_tokenizer"]["pretokenizers"][0]["individual_digits"] = false; }),
              HasSubstr("has no name in GGUF"));
  EXPECT_THAT(refused([](Json& json) { json["added_tokens"][0]["lstrip"] = true; }), HasSubstr("white space"));
  config_.vocab_size = 259;
  EXPECT_THAT(error(config_), HasSubstr("the tokenizer has 260 tokens and the model 259 rows"));
  ImportedModel none = model_with(llama_config());
  none.tokenizer_json.clear();
  EXPECT_THAT(error_of([&] { write(std::move(none)); }), HasSubstr("source: the model has no tokenizer"));
}

TEST_F(ExportGguf, LeavesFilesAlone) {
  folder_.write("out.gguf", "mine");
  EXPECT_THAT(error_of([&] { export_gguf(test_context(), model(), {}, "source", out()); }),
              HasSubstr("out.gguf: exists already"));
  EXPECT_EQ(read_text(out()), "mine");
}

}  // namespace
}  // namespace t6
