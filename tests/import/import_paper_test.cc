#include <gmock/gmock.h>

#include "t6/formats/json.h"
#include "t6/import/import.h"
#include "t6/import/paper_checkpoint.h"
#include "t6/infer/load.h"
#include "tests/context.h"
#include "tests/error_of.h"
#include "tests/formats/state_dict_builder.h"
#include "tests/source_dir.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::filesystem::path kGolden = source_dir() / "tests/golden/tpa.safetensors";

TEST(ImportReference, GivesTheParametersThatGoldenFilesAreCheckedWith) {
  const SafetensorsFile file(kGolden);
  const ImportedModel model = import_model(test_context(), find_model(kGolden));
  EXPECT_EQ(config_to_json(model.config), config_to_json(paper_config(file)));
  for (const auto& [name, numbers] : paper_tensors(file, model.config, "param.")) {
    const TensorView& tensor = model.tensors.at(name);
    EXPECT_EQ(tensor.type, NumberType::f32);
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, std::as_bytes(std::span(numbers)))) << name;
  }
}

TEST(ImportReference, ReadsACheckpointWithoutAPrefix) {
  const SafetensorsFile file(kGolden);
  std::vector<NamedTensor> plain;
  for (const auto& [name, tensor] : file.tensors()) {
    if (name.starts_with("param.")) plain.push_back({name.substr(6), tensor});
  }
  const TemporaryFolder folder;
  write_safetensors(folder / "checkpoint.safetensors", plain, file.metadata());
  const ImportedModel a = import_paper(kGolden), b = import_paper(folder / "checkpoint.safetensors");
  for (const auto& [name, tensor] : a.tensors) {
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, b.tensors.at(name).bytes)) << name;
  }
}

TEST(ImportReference, ReadsAFolderAsTheCodeWritesIt) {
  const SafetensorsFile file(kGolden);
  std::vector<NamedTensor> plain;
  for (const auto& [name, tensor] : file.tensors()) {
    if (name.starts_with("param.")) plain.push_back({name.substr(6), tensor});
  }
  const TemporaryFolder folder;
  folder.write("pytorch_model.bin", state_dict_file(plain));
  Json config = parse_json(file.metadata().at("config"), "golden");
  config["model_type"] = "gpt2";
  folder.write("config.json", config.dump());
  const ImportedModel a = import_paper(kGolden), b = import_paper_folder(folder.path(), "T6");
  EXPECT_EQ(config_to_json(a.config), config_to_json(b.config));
  for (const auto& [name, tensor] : a.tensors) {
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, b.tensors.at(name).bytes)) << name;
  }
  EXPECT_TRUE(b.tokenizer_json.empty());
  EXPECT_THAT(error_of([&] { import_model(test_context(), find_model(folder.path())); }),
              HasSubstr("does not write which of its models it is; name it: t6 import --model T6"));
  EXPECT_THAT(error_of([&] { import_paper_folder(folder.path(), "T7"); }),
              HasSubstr("config.json: the reference model \"T7\" is not known (llama-mha, "));
  EXPECT_THAT(error_of([&] { import_paper_folder(folder.path(), "T6_kvonly"); }),
              HasSubstr("pytorch_model.bin: the tensor \"transformer.h.0.attn.c_qkv.c_q.weight\" is missing"));
}

TEST(ImportReference, KnowsWhatTheCodeDoesNotWriteOfMla) {
  const Json json = {{"vocab_size", 50304}, {"n_layer", 12},  {"n_head", 13},
                     {"n_embd", 768},       {"head_dim", 64}, {"block_size", 1024}};
  const ModelConfig config = paper_config("llama-mla", JsonObject(json, "config.json"));
  EXPECT_EQ(config.q_lora_rank, 512);
  EXPECT_EQ(config.kv_lora_rank, 256);
  EXPECT_EQ(config.qk_rope_head_dim, 32);
  EXPECT_EQ(config.v_head_dim, 64);
}

// Dense heads are cut out of the width, whatever head_dim says.
TEST(ImportReference, TakesTheWidthOfDenseHeadsFromTheModels) {
  Json json = {{"vocab_size", 50304}, {"n_layer", 12},      {"n_head", 12},   {"n_embd", 768},
               {"head_dim", 100},     {"block_size", 1024}, {"group_size", 2}};
  EXPECT_EQ(paper_config("llama-mha", JsonObject(json, "config.json")).head_dim, 64);
  EXPECT_EQ(paper_config("llama-gqa", JsonObject(json, "config.json")).head_dim, 100);
  json["n_head"] = 13;
  EXPECT_THAT(error_of([&] { paper_config("llama-mha", JsonObject(json, "config.json")); }),
              HasSubstr("config.json: n_head 13 does not divide n_embd 768"));
}

TEST(ImportReference, NeedsATokenizer) {
  const TemporaryFolder folder;
  ImportedModel model = import_paper(kGolden);
  EXPECT_THAT(error_of([&] { load_model(test_context(), kGolden); }), HasSubstr("'t6 import --tokenizer'"));
  EXPECT_THAT(error_of([&] { write_model(model, folder / "out"); }), HasSubstr("has no tokenizer"));
  model.tokenizer_json = byte_tokenizer()->json();
  write_model(model, folder / "out");
  EXPECT_THAT(load_model(test_context(), folder / "out").notes, ElementsAre(HasSubstr("the tokenizer has 257 tokens")));
}

}  // namespace
}  // namespace t6
