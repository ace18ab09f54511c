#include "t6/import/quantize_model.h"

#include <cmath>
#include <iterator>
#include <vector>

#include "t6/core/error.h"
#include "t6/import/shared/tensors.h"
#include "t6/kernels/quantize.h"

namespace t6 {
namespace {

bool is_vocabulary(const std::string& name) { return name == "model.embed_tokens.weight" || name == "lm_head.weight"; }

std::vector<float> finite_numbers(const WeightTensor& tensor, const std::string& source) {
  check_bytes(tensor, source);
  std::vector<float> numbers(static_cast<size_t>(element_count(tensor.shape)));
  dequantize(tensor.type, static_cast<int64_t>(numbers.size()), tensor.bytes.data(), numbers.data());
  for (const float x : numbers) require(std::isfinite(x), "{} holds {}, which is no weight", source, x);
  return numbers;
}

}  // namespace

WeightSizes weight_sizes(const WeightTensors& tensors) {
  WeightSizes sizes;
  for (const auto& [name, tensor] : tensors) {
    sizes.numbers[tensor.type] += element_count(tensor.shape);
    sizes.bytes += static_cast<int64_t>(tensor.bytes.size());
  }
  return sizes;
}

WeightType quantized_type(const std::string& name, const WeightTensor& stored, WeightType wanted) {
  if (stored.shape.size() != 2 || !name.ends_with(".weight")) return stored.type;
  WeightType type = wanted == WeightType::q4 && is_vocabulary(name) ? WeightType::q8 : wanted;
  if (has_blocks(type) && stored.shape[1] % kWeightBlock != 0) type = WeightType::bf16;
  const auto size = [](WeightType t) { return weight_row_bytes(t, kWeightBlock); };
  return size(type) < size(stored.type) ? type : stored.type;
}

ImportedModel quantize_model(ImportedModel model, WeightType wanted, const std::string& source,
                             const std::function<void(int64_t done, int64_t total)>& progress) {
  int64_t done = 0;
  for (auto& [name, tensor] : model.tensors) {
    const WeightType type = quantized_type(name, tensor, wanted);
    if (type != tensor.type) {
      const auto numbers = finite_numbers(tensor, fmt::format("{}: tensor \"{}\"", source, name));
      const auto count = static_cast<int64_t>(numbers.size());
      const int64_t bytes = tensor.shape[0] * weight_row_bytes(type, tensor.shape[1]);
      tensor.bytes =
          new_bytes(model, bytes, [&](std::span<std::byte> to) { quantize(type, count, numbers.data(), to.data()); });
      tensor.type = type;
    }
    ++done;
    if (progress) progress(done, std::ssize(model.tensors));
  }
  return model;
}

}  // namespace t6
