#include "t6/infer/golden.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "t6/import/paper_checkpoint.h"
#include "t6/infer/forward.h"

namespace t6 {
namespace {

std::vector<int32_t> read_tokens(const TensorView& tensor, const std::string& source) {
  require(tensor.type == NumberType::i32 && tensor.shape.size() == 2,
          "{}: input.tokens is {} of shape {}; wanted I32 of two sizes", source, number_type_name(tensor.type),
          format_shape(tensor.shape));
  std::vector<int32_t> tokens(static_cast<size_t>(element_count(tensor.shape)));
  if (!tokens.empty()) std::memcpy(tokens.data(), tensor.bytes.data(), tensor.bytes.size());
  return tokens;
}

}  // namespace

double golden_error(Context& context, const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const ModelConfig config = paper_config(file);
  auto model = std::make_shared<const Model>(context, config,
                                             Weights(config, paper_tensors(file, config, "param."), path.string()));
  const TensorView& input = file.at("input.tokens");
  const std::vector<int32_t> tokens = read_tokens(input, path.string());
  const int64_t batch = input.shape[0], T = input.shape[1];
  const TensorView& output = file.at("output.logits", {batch, T, config.vocab_size});
  std::vector<float> wanted(static_cast<size_t>(element_count(output.shape)));
  copy_as_float(output, "output.logits", wanted);

  ForwardPass pass(context, model);
  double difference = 0, largest = 0;
  const auto row = static_cast<size_t>(T * config.vocab_size);
  for (size_t b = 0; b < static_cast<size_t>(batch); ++b) {
    FactorCache cache(config);
    const auto logits =
        pass.run(std::span(tokens).subspan(b * static_cast<size_t>(T), static_cast<size_t>(T)), cache, Logits::all);
    for (size_t i = 0; i < row; ++i) {
      const double error = std::abs(double{logits[i]} - wanted[b * row + i]);
      if (std::isnan(error)) return error;
      difference = std::max(difference, error);
      largest = std::max(largest, std::abs(double{wanted[b * row + i]}));
    }
  }
  return difference / largest;
}

}  // namespace t6
