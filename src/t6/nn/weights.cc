#include "t6/nn/weights.h"

#include <vector>

#include "t6/core/error.h"
#include "t6/core/random.h"
#include "t6/formats/model_files.h"
#include "t6/formats/safetensors.h"
#include "t6/model/parameters.h"

namespace t6 {
namespace {

// Of the CPU.
std::span<float> floats(const torch::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

// Of head factors [R, H] of grouped attention, the i-th.
float group_value(int64_t R, int64_t H, size_t i) {
  const int64_t r = static_cast<int64_t>(i) / H, h = static_cast<int64_t>(i) % H;
  return h % R == r ? static_cast<float>(R) : 0;
}

void fill(std::span<float> values, const Parameter& parameter, Random random) {
  const size_t half = values.size() / 2;
  for (size_t i = 0; i < values.size(); ++i) {
    switch (parameter.initial) {
      case Parameter::Initial::uniform:
        values[i] = static_cast<float>((2 * random.uniform() - 1) * parameter.bound);
        break;
      case Parameter::Initial::zeros:
        values[i] = 0;
        break;
      case Parameter::Initial::ones:
        values[i] = 1;
        break;
      case Parameter::Initial::first_one:
        values[i] = i < half ? 1 : 0;
        break;
      case Parameter::Initial::groups:
        values[i] = group_value(parameter.ranks, static_cast<int64_t>(values.size()) / parameter.ranks, i);
        break;
    }
  }
}

}  // namespace

void write_floats(const torch::Tensor& tensor, const std::function<void(std::span<float>)>& write) {
  const torch::Tensor host = tensor.cpu();  // the tensor itself where it is there
  write(floats(host));
  if (!tensor.is_cpu()) torch::Tensor(tensor).copy_(host);
}

void initialize(Transformer& model, uint64_t seed) {
  const torch::NoGradGuard no_gradients;
  auto tensors = model->named_parameters();
  uint64_t stream = 0;
  for (const Parameter& parameter : parameters(model->config())) {
    const torch::Tensor* tensor = tensors.find(parameter.name);
    require(tensor != nullptr, "the model has no parameter \"{}\"", parameter.name);
    write_floats(*tensor, [&](std::span<float> values) { fill(values, parameter, Random(seed, stream)); });
    ++stream;
  }
}

void load_weights(Transformer& model, const std::filesystem::path& folder) {
  const torch::NoGradGuard no_gradients;
  const SafetensorsFile file(folder / kWeightsFile);
  const auto tensors = model->named_parameters();
  for (const auto& item : tensors) {
    const TensorView& view = file.at(item.key(), item.value().sizes().vec());
    write_floats(item.value(), [&](std::span<float> values) { copy_as_float(view, item.key(), values); });
  }
  for (const auto& [name, view] : file.tensors()) {
    require(tensors.contains(name), "{}: the tensor \"{}\" belongs to no parameter of this model", file.path().string(),
            name);
  }
}

TensorView view_of(const torch::Tensor& tensor) {
  require(tensor.is_contiguous() && tensor.scalar_type() == torch::kFloat,
          "a tensor to save must be contiguous float32");
  require(tensor.is_cpu(), "a tensor to save must be on the CPU");
  return {NumberType::f32, tensor.sizes().vec(), std::as_bytes(floats(tensor))};
}

void save_weights(const Transformer& model, const std::filesystem::path& folder) {
  std::vector<torch::Tensor> hosts;  // alive until they are written
  std::vector<NamedTensor> tensors;
  for (const auto& item : model->named_parameters()) {
    hosts.push_back(item.value().detach().cpu());
    tensors.push_back({item.key(), view_of(hosts.back())});
  }
  write_safetensors(folder / kWeightsFile, tensors, {{"format", "pt"}});
}

}  // namespace t6
