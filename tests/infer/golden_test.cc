#include "t6/infer/golden.h"

#include <gmock/gmock.h>

#include <limits>

#include "t6/core/error.h"
#include "t6/formats/safetensors.h"
#include "tests/context.h"
#include "tests/source_dir.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

std::vector<std::filesystem::path> golden_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "tests/golden")) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  return files;
}

TEST(Golden, AgreesWithTheReferenceInEveryFile) {
  const auto files = golden_files();
  EXPECT_GE(files.size(), 9u);
  for (const auto& path : files) EXPECT_LT(golden_error(test_context(), path), kGoldenTolerance) << path;
}

// The comparison must be able to fail: one weight changed, one weight that is not a number, one tensor gone.
TEST(Golden, SeesADifferentModel) {
  const SafetensorsFile file(source_dir() / "tests/golden/tpa.safetensors");
  const TemporaryFolder folder;
  const std::string changed = "param.transformer.h.1.attn.c_proj.weight";
  const auto write = [&](float value, bool keep) {
    std::vector<float> numbers(static_cast<size_t>(element_count(file.at(changed).shape)));
    copy_as_float(file.at(changed), changed, numbers);
    numbers[7] += value;
    std::vector<NamedTensor> tensors;
    for (const auto& [name, view] : file.tensors()) {
      if (name != changed) tensors.push_back({name, view});
    }
    if (keep)
      tensors.push_back({changed, {NumberType::f32, file.at(changed).shape, std::as_bytes(std::span(numbers))}});
    write_safetensors(folder / "changed.safetensors", tensors, file.metadata());
  };
  write(0, true);
  EXPECT_LT(golden_error(test_context(), folder / "changed.safetensors"), kGoldenTolerance);
  write(1, true);
  EXPECT_GT(golden_error(test_context(), folder / "changed.safetensors"), kGoldenTolerance);
  write(std::numeric_limits<float>::quiet_NaN(), true);
  EXPECT_FALSE(golden_error(test_context(), folder / "changed.safetensors") <= kGoldenTolerance);
  write(0, false);
  EXPECT_THROW(golden_error(test_context(), folder / "changed.safetensors"), Error);
}

}  // namespace
}  // namespace t6
