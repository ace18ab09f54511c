#include <gmock/gmock.h>

#include "t6/infer/import.h"
#include "t6/infer/load.h"
#include "t6/model/reference.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kGolden = std::filesystem::path(T6_SOURCE_DIR) / "tests/golden/tpa.safetensors";

TEST(ImportReference, GivesTheParametersThatGoldenFilesAreCheckedWith) {
  const SafetensorsFile file(kGolden);
  const ImportedModel model = import_model(find_model(kGolden));
  EXPECT_EQ(config_to_json(model.config), config_to_json(reference_config(file)));
  for (const auto& [name, numbers] : reference_tensors(file, model.config, "param.")) {
    const WeightTensor& tensor = model.tensors.at(name);
    EXPECT_EQ(tensor.type, WeightType::f32);
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
  const ImportedModel a = import_reference(kGolden), b = import_reference(folder / "checkpoint.safetensors");
  for (const auto& [name, tensor] : a.tensors) {
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, b.tensors.at(name).bytes)) << name;
  }
}

TEST(ImportReference, NeedsATokenizer) {
  const TemporaryFolder folder;
  ImportedModel model = import_reference(kGolden);
  EXPECT_THAT(error_of([&] { load_model(kGolden); }), HasSubstr("'t6 import --tokenizer'"));
  EXPECT_THAT(error_of([&] { write_model(model, folder / "out"); }), HasSubstr("has no tokenizer"));
  model.tokenizer_json = byte_tokenizer()->json();
  EXPECT_THAT(error_of([&] { write_model(model, folder / "out"); }), HasSubstr("the tokenizer has 257 tokens"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

}  // namespace
}  // namespace t6
