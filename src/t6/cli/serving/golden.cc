// t6 golden: the paper's reference models, recomputed.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <vector>

#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/infer/forward.h"
#include "t6/model/reference.h"

namespace t6 {
namespace {

std::vector<std::filesystem::path> golden_files(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  require(!error, "{}: {}", folder, error.message());
  require(!files.empty(), "{}: holds no golden files (*.safetensors)", folder);
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<int32_t> tokens_of(const SafetensorsFile& file, const TensorView& tensor) {
  std::vector<int32_t> tokens(static_cast<size_t>(element_count(tensor.shape)));
  require(tensor.dtype == DType::i64 || tensor.dtype == DType::i32, "{}: input.tokens is {}; wanted I64 or I32",
          file.path().string(), dtype_name(tensor.dtype));
  for (size_t i = 0; i < tokens.size(); ++i) {
    int64_t wide = 0;
    const auto size = static_cast<size_t>(dtype_size(tensor.dtype));
    std::memcpy(tensor.dtype == DType::i64 ? static_cast<void*>(&wide) : &tokens[i], tensor.bytes.data() + i * size,
                size);
    if (tensor.dtype == DType::i32) continue;
    require(wide >= 0 && wide <= std::numeric_limits<int32_t>::max(), "{}: input.tokens holds {}", file.path().string(),
            wide);
    tokens[i] = static_cast<int32_t>(wide);
  }
  return tokens;
}

// The largest difference of the logits, relative to the largest logit.
double golden_error(const SafetensorsFile& file) {
  const ModelConfig config = reference_config(file);
  auto model = std::make_shared<const Model>(
      config, Weights(config, reference_tensors(file, config, "param."), file.path().string()));
  const TensorView& input = file.at("input.tokens");
  require(input.shape.size() == 2, "{}: input.tokens has shape {}; wanted two sizes", file.path().string(),
          format_shape(input.shape));
  const int64_t batch = input.shape[0], T = input.shape[1];
  const TensorView& output = file.at("output.logits", {batch, T, config.vocab_size});
  std::vector<float> wanted(static_cast<size_t>(element_count(output.shape)));
  copy_as_float(output, "output.logits", wanted);
  const std::vector<int32_t> tokens = tokens_of(file, input);

  ForwardPass pass(model);
  double difference = 0, largest = 0;
  const auto row = static_cast<size_t>(T * config.vocab_size);
  for (size_t b = 0; b < static_cast<size_t>(batch); ++b) {
    FactorCache cache(config);
    const auto logits =
        pass.run(std::span(tokens).subspan(b * static_cast<size_t>(T), static_cast<size_t>(T)), cache, Logits::all);
    for (size_t i = 0; i < row; ++i) {
      const double error = std::abs(double{logits[i]} - wanted[b * row + i]);
      difference = error <= difference ? difference : error;  // keeps a NaN
      largest = std::max(largest, std::abs(double{wanted[b * row + i]}));
    }
  }
  return difference / largest;
}

void run(const std::string& folder) {
  constexpr double kTolerance = 1e-4;
  size_t failures = 0;
  const auto files = golden_files(folder);
  for (const auto& path : files) {
    const double error = golden_error(SafetensorsFile(path));
    const bool good = error <= kTolerance;
    failures += good ? 0 : 1;
    fmt::print("{:<32}largest error {:.2e} of the largest logit  {}\n", path.stem().string(), error,
               good ? "PASS" : "FAIL");
  }
  require(failures == 0, "{} of {} golden files differ by more than {:.0e}", failures, files.size(), kTolerance);
}

}  // namespace

void add_golden(CLI::App& app) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("golden", "Recompute the logits of the paper's reference models");
  command->add_option("folder", *folder, "A folder of golden files (*.safetensors)")->required();
  command->footer(
      "Prints each model's largest error relative to its largest logit, and fails above 1e-4.\n"
      "Example:\n  t6 golden tests/golden");
  command->callback([=] { run(*folder); });
}

}  // namespace t6
