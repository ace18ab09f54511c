#include <gmock/gmock.h>

#include <algorithm>

#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/import/architectures.h"
#include "t6/import/import.h"
#include "t6/infer/forward.h"
#include "t6/infer/load.h"
#include "t6/numbers/half.h"
#include "tests/context.h"
#include "tests/error_of.h"
#include "tests/formats/state_dict_builder.h"
#include "tests/import/foreign_model.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class ImportHuggingFace : public ::testing::Test {
 protected:
  ImportHuggingFace() { folder_.write("tokenizer.json", byte_tokenizer()->json()); }

  // What transformers writes for config_.
  static Json config_json(const ModelConfig& config, const std::string& type) {
    return {{"architectures", {"X"}},
            {"model_type", type},
            {"hidden_act", "silu"},
            {"vocab_size", config.vocab_size},
            {"hidden_size", config.hidden_size},
            {"num_hidden_layers", config.num_hidden_layers},
            {"intermediate_size", config.intermediate_size},
            {"num_attention_heads", config.num_attention_heads},
            {"num_key_value_heads", config.num_key_value_heads},
            {"head_dim", config.head_dim},
            {"max_position_embeddings", config.max_position_embeddings},
            {"rms_norm_eps", config.rms_norm_eps},
            {"rope_theta", config.rope_theta},
            {"rope_scaling", nullptr},
            {"sliding_window", nullptr},
            {"attention_dropout", 0.0},
            {"tie_word_embeddings", config.tie_word_embeddings},
            {"eos_token_id", 2}};
  }
  // The same of an architecture whose layers differ.
  static Json config_json(const ModelConfig& config, const Architecture& architecture) {
    Json json = config_json(config, std::string(architecture.hugging_face));
    if (!architecture.gemma_block) return json;
    json["hidden_activation"] = "gelu_pytorch_tanh";
    json["sliding_window"] = config.sliding_window;
    json["rope_local_base_freq"] = config.rope_local_base_freq;
    json["query_pre_attn_scalar"] = config.query_pre_attn_scalar;
    return json;
  }
  void write_config(const Json& json) { folder_.write("config.json", json.dump()); }

  // The parameters for which `wanted` holds, in `type`.
  template <typename Wanted>
  void write_tensors(const std::string& name, NumberType type, Wanted&& wanted, std::vector<NamedTensor> more = {}) {
    std::vector<std::vector<uint16_t>> halves;
    std::vector<NamedTensor> list = std::move(more);
    for (const Parameter& parameter : parameters(config_)) {
      if (!wanted(parameter.name)) continue;
      std::span bytes = std::as_bytes(std::span(tensors_.at(parameter.name)));
      if (type != NumberType::f32) {
        auto& half = halves.emplace_back();
        for (const float x : tensors_.at(parameter.name)) {
          half.push_back(type == NumberType::f16 ? float16_from_float(x) : bfloat16_from_float(x));
        }
        bytes = std::as_bytes(std::span(half));
      }
      list.push_back({parameter.name, {type, parameter.shape, bytes}});
    }
    write_safetensors(folder_ / name, list);
  }
  void write_all(NumberType type = NumberType::f32, std::vector<NamedTensor> more = {}) {
    write_tensors(
        "model.safetensors", type, [](const std::string&) { return true; }, std::move(more));
  }
  void use(const ModelConfig& config) {
    config_ = config;
    tensors_ = random_tensors(config_);
    // Values that both half formats hold exactly.
    for (auto& [name, tensor] : tensors_) {
      for (float& x : tensor) x = std::round(x * 64) / 64;
    }
  }
  void add_to_norms(float number) {
    for (auto& [name, tensor] : tensors_) {
      for (float& x : tensor) x += name.find("norm") != std::string::npos ? number : 0;
    }
  }
  std::vector<float> wanted() const { return logits_of(model_of(config_, tensors_)); }
  std::vector<float> found() const { return logits_of(load_model(test_context(), folder_.path()).model); }
  std::string error() const {
    return error_of([&] { load_model(test_context(), folder_.path()); });
  }
  std::string error_with(const std::string& type, const std::string& key, const Json& value) {
    Json json = config_json(config_, type);
    json[key] = value;
    write_config(json);
    return error();
  }

  TemporaryFolder folder_;
  ModelConfig config_;
  NamedFloats tensors_;
};

TEST_F(ImportHuggingFace, GivesTheModelThatWasWritten) {
  for (const Architecture& architecture : architectures()) {
    const std::string type(architecture.hugging_face);
    for (const bool tied : {true, false}) {
      ModelConfig config = config_of(architecture);
      config.tie_word_embeddings = tied;
      use(config);
      write_config(config_json(config_, architecture));
      if (architecture.gemma_block) add_to_norms(-1);
      write_all();
      if (architecture.gemma_block) add_to_norms(1);
      EXPECT_THAT(found(), ElementsAreArray(wanted())) << type;
      EXPECT_EQ(config_to_json(read_model_config(folder_.path())), config_to_json(config_)) << type;
    }
  }
}

TEST_F(ImportHuggingFace, KeepsTheTypesOfMatrices) {
  use(llama_config());
  write_config(config_json(config_, "llama"));
  for (const auto& [type, kept] : {std::pair(NumberType::f16, NumberType::f16), {NumberType::bf16, NumberType::bf16}}) {
    write_all(type);
    const ImportedModel model = import_hugging_face(folder_.path());
    EXPECT_EQ(model.tensors.at("model.layers.0.mlp.up_proj.weight").type, kept);
    EXPECT_EQ(model.tensors.at("model.norm.weight").type, NumberType::f32);
    std::vector<float> floats(config_.hidden_size);
    std::memcpy(floats.data(), model.tensors.at("model.norm.weight").bytes.data(), 4 * floats.size());
    EXPECT_EQ(floats, tensors_.at("model.norm.weight"));
  }
  // NamedFloats at odd addresses.
  const std::vector<std::byte> odd(1);
  write_all(NumberType::f32, {{"model.layers.0.self_attn.rotary_emb.inv_freq", {NumberType::u8, {1}, odd}}});
  EXPECT_THAT(found(), ElementsAreArray(wanted()));
}

TEST_F(ImportHuggingFace, ReadsSeveralFiles) {
  use(llama_config());
  write_config(config_json(config_, "llama"));
  const auto first = [](const std::string& name) { return name.find("layers.0") != std::string::npos; };
  write_tensors("model-00001-of-00002.safetensors", NumberType::f32, first);
  write_tensors("model-00002-of-00002.safetensors", NumberType::f32, std::not_fn(first));
  Json map = Json::object();
  for (const auto& [name, tensor] : tensors_) {
    map[name] = first(name) ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors";
  }
  folder_.write("model.safetensors.index.json", Json{{"metadata", Json::object()}, {"weight_map", map}}.dump());
  EXPECT_THAT(found(), ElementsAreArray(wanted()));

  write_tensors("model-00002-of-00002.safetensors", NumberType::f32, [](const std::string&) { return true; });
  EXPECT_THAT(error(), HasSubstr("is in another file, too"));
  map["model.norm.weight"] = "../model.safetensors";
  folder_.write("model.safetensors.index.json", Json{{"weight_map", map}}.dump());
  EXPECT_THAT(error(), HasSubstr("\"../model.safetensors\" is not the name of a *.safetensors file beside it"));
  folder_.write("model.safetensors.index.json", "{}");
  EXPECT_THAT(error(), HasSubstr("the key \"weight_map\" is missing"));
}

TEST_F(ImportHuggingFace, ReadsRopeScalingOldAndNew) {
  use(llama_config());
  Json json = config_json(config_, "llama");
  json["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  write_config(json);
  EXPECT_EQ(read_model_config(folder_.path()).rope_scaling.kind, RopeScalingKind::linear);
  json.erase("rope_scaling");
  json.erase("rope_theta");
  json["rope_parameters"] = {{"rope_type", "llama3"},   {"rope_theta", 500000.0},
                             {"factor", 32.0},          {"low_freq_factor", 1.0},
                             {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 8192}};
  write_config(json);
  EXPECT_EQ(read_model_config(folder_.path()).rope_scaling.factor, 32);
  EXPECT_EQ(read_model_config(folder_.path()).rope_theta, 500000);
  json["rope_parameters"] = {{"rope_type", "yarn"}, {"factor", 4.0}};
  write_config(json);
  EXPECT_EQ(read_model_config(folder_.path()).rope_scaling.original_max_position_embeddings, 64);
  json["original_max_position_embeddings"] = 16;
  write_config(json);
  EXPECT_EQ(read_model_config(folder_.path()).rope_scaling.original_max_position_embeddings, 16);
  json["rope_parameters"] = {{"rope_type", "longrope"}, {"factor", 4.0}};
  write_config(json);
  EXPECT_THAT(error(), HasSubstr("the type \"longrope\" is not supported (linear, llama3, yarn and dynamic are)"));
}

TEST_F(ImportHuggingFace, ReadsWindows) {
  use(llama_config());
  const auto read = [&](const std::string& type, const Json& changes) {
    Json json = config_json(config_, type);
    json.merge_patch(changes);
    if (changes.contains("sliding_window")) json["sliding_window"] = changes["sliding_window"];
    write_config(json);
    return read_model_config(folder_.path());
  };
  const std::vector<LayerType> second = {LayerType::full, LayerType::sliding};
  EXPECT_EQ(read("mistral", {{"sliding_window", 16}}).sliding_window, 16);
  EXPECT_TRUE(read("mistral", {{"sliding_window", 16}}).layer_types.empty());
  EXPECT_EQ(read("mistral", {{"sliding_window", nullptr}}).sliding_window, 0);
  EXPECT_EQ(read("qwen2", {{"sliding_window", 16}, {"max_window_layers", 1}}).sliding_window, 0);
  const ModelConfig qwen =
      read("qwen2", {{"sliding_window", 16}, {"max_window_layers", 1}, {"use_sliding_window", true}});
  EXPECT_EQ(qwen.sliding_window, 16);
  EXPECT_EQ(qwen.layer_types, second);
  const Json listed = {
      {"sliding_window", 16}, {"use_sliding_window", true}, {"layer_types", {"full_attention", "sliding_attention"}}};
  EXPECT_EQ(read("qwen3", listed).layer_types, second);
  EXPECT_EQ(read("llama", {{"sliding_window", 16}}).sliding_window, 0);  // a key that Llama does not read
}

TEST_F(ImportHuggingFace, ReadsGemmasRotations) {
  const Architecture& gemma = hugging_face_architecture("gemma3_text", "test");
  use(config_of(gemma));
  Json json = config_json(config_, gemma);
  for (const char* key : {"rope_theta", "rope_local_base_freq", "rope_scaling"}) json.erase(key);
  json["rope_parameters"] = {{"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}, {"rope_theta", 2e6}}},
                             {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 2e4}}}};
  write_config(json);
  const ModelConfig read = read_model_config(folder_.path());
  EXPECT_EQ(read.rope_theta, 2e6);
  EXPECT_EQ(read.rope_scaling, (RopeScaling{RopeScalingKind::linear, 8}));
  EXPECT_EQ(read.rope_local_base_freq, 2e4);
  json["rope_parameters"]["sliding_attention"] = {{"rope_type", "linear"}, {"factor", 2.0}};
  write_config(json);
  EXPECT_THAT(error(), HasSubstr("a scaled rotation of the layers with a window"));
}

TEST_F(ImportHuggingFace, ReadsTheBiasOfAllProjections) {
  ModelConfig config = llama_config();
  config.attention_bias = config.attention_output_bias = true;
  use(config);
  Json json = config_json(config_, "llama");
  json["attention_bias"] = true;
  write_config(json);
  write_all();
  EXPECT_THAT(found(), ElementsAreArray(wanted()));
}

TEST_F(ImportHuggingFace, ReadsWhatStandsBesideTheWeights) {
  use(llama_config());
  write_config(config_json(config_, "llama"));
  write_all();
  EXPECT_THAT(load_model(test_context(), folder_.path()).text.end_of_text, ElementsAre(2));
  folder_.write("generation_config.json", R"({"eos_token_id": [7, 9]})");
  folder_.write("tokenizer_config.json",
                R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": null,
                    "chat_template": [{"name": "tools", "template": "T"}, {"name": "default", "template": "D"}]})");
  TextSettings text = load_model(test_context(), folder_.path()).text;
  EXPECT_EQ(text, (TextSettings{"D", "<s>", "</s>", {7, 9}}));
  folder_.write("special_tokens_map.json", R"({"bos_token": "<other>", "unk_token": {"content": "<unk>"}})");
  text = load_model(test_context(), folder_.path()).text;
  EXPECT_EQ(text, (TextSettings{"D", "<other>", "</s>", {7, 9}, {{"unk_token", "<unk>"}}}));
  folder_.write("chat_template.jinja", "J");
  EXPECT_EQ(load_model(test_context(), folder_.path()).text.chat_template, "J");
  folder_.write("generation_config.json", R"({"eos_token_id": "x"})");
  EXPECT_THAT(error(), HasSubstr("\"eos_token_id\" must be a token's id or a list of them"));
}

// Turns each safetensors file of the folder into what torch.save writes.
void pickle_files(const std::filesystem::path& folder, const std::map<std::string, std::string>& names) {
  for (const auto& [from, to] : names) {
    const SafetensorsFile file(folder / from);
    std::vector<NamedTensor> tensors;
    for (const auto& [name, tensor] : file.tensors()) tensors.push_back({name, tensor});
    write_text(folder / to, state_dict_file(tensors));
    std::filesystem::remove(folder / from);
  }
}

TEST_F(ImportHuggingFace, ReadsPickledWeights) {
  use(llama_config());
  write_config(config_json(config_, "llama"));
  for (const NumberType type : {NumberType::f32, NumberType::f16, NumberType::bf16}) {
    write_all(type);
    const ImportedModel plain = import_hugging_face(folder_.path());
    pickle_files(folder_.path(), {{"model.safetensors", "pytorch_model.bin"}});
    const ImportedModel pickled = import_hugging_face(folder_.path());
    EXPECT_EQ(pickled.tensors.size(), plain.tensors.size());
    for (const auto& [name, tensor] : plain.tensors) {
      EXPECT_EQ(pickled.tensors.at(name).type, tensor.type) << name;
      EXPECT_TRUE(std::ranges::equal(pickled.tensors.at(name).bytes, tensor.bytes)) << name;
    }
  }
  EXPECT_THAT(found(), ElementsAreArray(wanted()));
}

TEST_F(ImportHuggingFace, ReadsPickledWeightsOfSeveralFiles) {
  use(llama_config());
  write_config(config_json(config_, "llama"));
  const auto is_first = [](const std::string& name) { return name.find("layers.0.") != std::string::npos; };
  write_tensors("a.safetensors", NumberType::f32, is_first);
  write_tensors("b.safetensors", NumberType::f32, [&](const std::string& name) { return !is_first(name); });
  pickle_files(folder_.path(), {{"a.safetensors", "a.bin"}, {"b.safetensors", "b.bin"}});
  const auto write_index = [&](const char* first) {
    folder_.write("pytorch_model.bin.index.json", Json{{"weight_map", {{"x", first}, {"y", "b.bin"}}}}.dump());
  };
  write_index("a.bin");
  EXPECT_THAT(found(), ElementsAreArray(wanted()));
  write_index("b.bin");
  EXPECT_THAT(error(), HasSubstr("index.json: the tensor \"model.layers.0."));
  write_index("../a.bin");
  EXPECT_THAT(error(), HasSubstr("\"../a.bin\" is not the name of a *.bin file beside it"));
}

// Writes the safetensors file again with other names of its tensors.
template <typename Rename>
void rename_tensors(const std::filesystem::path& path, Rename&& rename) {
  std::vector<NamedTensor> tensors;
  auto moved = path;
  moved += ".old";
  std::filesystem::rename(path, moved);
  const SafetensorsFile file(moved);
  for (const auto& [name, tensor] : file.tensors()) tensors.push_back({rename(name), tensor});
  write_safetensors(path, tensors);
}

TEST_F(ImportHuggingFace, FindsTheModelUnderOtherNames) {
  ModelConfig config = llama_config();
  for (const bool tied : {true, false}) {
    config.tie_word_embeddings = tied;
    use(config);
    write_config(config_json(config_, "llama"));
    write_all();
    rename_tensors(folder_ / "model.safetensors", [](const std::string& name) { return "language_model." + name; });
    EXPECT_THAT(found(), ElementsAreArray(wanted()));
    write_all();
    rename_tensors(folder_ / "model.safetensors", [](const std::string& name) {
      return name.starts_with("model.") ? "model.language_" + name : name;
    });
    EXPECT_THAT(found(), ElementsAreArray(wanted()));
  }
}

TEST_F(ImportHuggingFace, ReadsAModelThatWasSavedWithoutItsHead) {
  ModelConfig config = llama_config();
  for (const bool tied : {true, false}) {
    config.tie_word_embeddings = tied;
    use(config);
    write_config(config_json(config_, "llama"));
    write_tensors("model.safetensors", NumberType::f32,
                  [](const std::string& name) { return name != "lm_head.weight"; });
    rename_tensors(folder_ / "model.safetensors", [](const std::string& name) { return name.substr(6); });
    if (tied) {
      EXPECT_THAT(found(), ElementsAreArray(wanted()));
    } else {
      EXPECT_THAT(error(), HasSubstr("lm_head.weight"));
    }
  }
}

TEST_F(ImportHuggingFace, PassesOverTensorsThatAreNotOfTheModel) {
  use(llama_config());
  write_config(config_json(config_, "llama"));
  const std::vector<std::byte> bytes(4);
  const TensorView tensor = {NumberType::f32, {1}, bytes};
  write_all(NumberType::f32, {{"model.layers.7.mlp.up_proj.weight", tensor},
                              {"model.rotary_emb.inv_freq", tensor},
                              {"vision_tower.embed_tokens.weight", tensor}});
  const LoadedModel loaded = load_model(test_context(), folder_.path());
  EXPECT_THAT(logits_of(loaded.model), ElementsAreArray(wanted()));
  EXPECT_THAT(loaded.notes, ElementsAre(HasSubstr("are not of this model and are passed over: "
                                                  "\"model.layers.7.mlp.up_proj.weight\", ...")));
  write_all(NumberType::f32, {{"model.layers.0.self_attn.o_proj.bias", tensor}});
  EXPECT_THAT(error(), HasSubstr("the tensor \"model.layers.0.self_attn.o_proj.bias\" is not supported"));
}

TEST_F(ImportHuggingFace, TellsPointersOfGitLfs) {
  use(llama_config());
  write_config(config_json(config_, "llama"));
  const char* pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n";
  write_all();
  for (const char* name : {"tokenizer.json", "model.safetensors"}) {
    const std::string content = read_text(folder_ / name);
    folder_.write(name, pointer);
    EXPECT_THAT(error(), HasSubstr(std::string(name) + ": a pointer of Git LFS and not the file itself"));
    folder_.write(name, content);
  }
  folder_.write("x.gguf", pointer);
  EXPECT_THAT(error_of([&] { load_model(test_context(), folder_ / "x.gguf"); }), HasSubstr("a pointer of Git LFS"));
}

TEST_F(ImportHuggingFace, RefusesByName) {
  use(llama_config());
  write_all();
  EXPECT_THAT(error_with("gemma", "x", 0), HasSubstr("\"model_type\" is \"gemma\", which is not supported"));
  EXPECT_THAT(error_with("llama", "hidden_act", "gelu"), HasSubstr("the activation \"gelu\" (hidden_act)"));
  EXPECT_THAT(error_with("llama", "attention_bias", true),
              HasSubstr("the tensor \"model.layers.0.self_attn.q_proj.bias\""));
  EXPECT_THAT(error_with("llama", "mlp_bias", true), HasSubstr("\"mlp_bias\""));
  EXPECT_THAT(error_with("llama", "quantization_config", Json::object()), HasSubstr("\"quantization_config\""));
  EXPECT_THAT(error_with("llama", "partial_rotary_factor", 0.5), HasSubstr("\"partial_rotary_factor\""));
  EXPECT_THAT(error_with("qwen3", "layer_types", {"full_attention", "sliding_attention"}),
              HasSubstr("layers with a window (layer_types), but no \"sliding_window\""));
  EXPECT_THAT(error_with("qwen3", "layer_types", {"full_attention", "chunked_attention"}),
              HasSubstr("the attention \"chunked_attention\" (layer_types)"));
  EXPECT_THAT(error_with("mistral", "layer_types", {"full_attention", "sliding_attention"}),
              HasSubstr("a window of some layers and not of others (layer_types)"));
  EXPECT_THAT(error_with("gemma3_text", "sliding_window", 8), HasSubstr("the activation \"silu\""));
  EXPECT_THAT(error_with("llama", "final_logit_softcapping", 30.0), HasSubstr("\"final_logit_softcapping\""));
  EXPECT_THAT(error_with("smollm3", "no_rope_layers", {1}), HasSubstr("\"no_rope_layers\" must be a list of 2 layers"));
  EXPECT_THAT(error_with("llama", "num_hidden_layers", 1 << 20), HasSubstr("1048576 layers, but only"));
  EXPECT_THAT(error_with("llama", "intermediate_size", 65), HasSubstr("has shape [64, 32], wanted [65, 32]"));
  EXPECT_EQ(error_with("mistral", "sliding_window", 4096), "no error");  // longer than the context
}

TEST_F(ImportHuggingFace, RefusesFilesByName) {
  use(llama_config());
  write_config(config_json(config_, "llama"));
  EXPECT_THAT(error(), HasSubstr("holds neither model.safetensors nor pytorch_model.bin"));
  folder_.write("pytorch_model.bin", "PK");
  EXPECT_THAT(error(), HasSubstr("pytorch_model.bin: not a whole zip archive"));
  const std::vector<float> numbers(1);
  const std::span bytes = std::as_bytes(std::span(numbers));
  write_all(NumberType::f32, {{"model.layers.0.self_attn.q_proj.lora_A", {NumberType::f32, {1}, bytes}}});
  EXPECT_THAT(error(), HasSubstr("the tensor \"model.layers.0.self_attn.q_proj.lora_A\" is not supported"));
  write_all(NumberType::f32, {{"lm_head.weight", {NumberType::f32, {1}, bytes}}});
  EXPECT_EQ(error(), "no error");  // tied: a copy that is not read
  std::filesystem::remove(folder_ / "tokenizer.json");
  EXPECT_THAT(error(), HasSubstr("holds no tokenizer.json"));
  folder_.write("tokenizer.model", "x");
  EXPECT_THAT(error(), HasSubstr("holds tokenizer.model and no tokenizer.json"));
}

}  // namespace
}  // namespace t6
