#include "t6/train/golden.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/formats/safetensors.h"
#include "t6/import/paper_checkpoint.h"
#include "t6/nn/transformer.h"
#include "t6/train/optimizer.h"

namespace t6 {
namespace {

// The worse of two errors; a NaN is the worst.
double worse(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b); }

torch::Tensor read_tensor(const SafetensorsFile& file, const std::string& name) {
  const TensorView& view = file.at(name);
  require(view.type == NumberType::f32 || view.type == NumberType::i32, "{}: \"{}\" must be F32 or I32",
          file.path().string(), name);
  const auto type = view.type == NumberType::f32 ? torch::kFloat : torch::kInt;
  torch::Tensor tensor = torch::empty(view.shape, type);
  if (!view.bytes.empty()) std::memcpy(tensor.data_ptr(), view.bytes.data(), view.bytes.size());
  return tensor;
}

torch::Tensor as_tensor(std::vector<float>& values, const torch::Tensor& like) {
  return torch::from_blob(values.data(), like.sizes(), torch::kFloat);
}

// NaN wherever either side is.
double largest_error(const torch::Tensor& ours, const torch::Tensor& theirs) {
  return (ours - theirs).abs().max().item<double>();
}

double relative_error(double ours, double theirs) { return std::abs(ours - theirs) / std::abs(theirs); }

AdamWOptions read_adamw(const SafetensorsFile& file, double* clip, int64_t* steps) {
  const std::string source = file.path().string() + ": metadata \"adamw\"";
  const auto found = file.metadata().find("adamw");
  require(found != file.metadata().end(), "{} is missing", source);
  const Json json = parse_json(found->second, source);
  const JsonObject object(json, source);
  const Json& betas = object.at("betas");
  require(betas.is_array() && betas.size() == 2 && betas[0].is_number() && betas[1].is_number(),
          "{}: \"betas\" must be two numbers", source);
  *clip = object.number("clip", 0, 1e9);
  *steps = object.integer("steps", 1, 1000);
  AdamWOptions options;
  options.learning_rate = object.number("lr", 0, 1e3);
  options.beta1 = betas[0];
  options.beta2 = betas[1];
  options.epsilon = object.number("eps", 0, 1);
  options.weight_decay = object.number("weight_decay", 0, 1e3);
  return options;
}

}  // namespace

GoldenErrors check_golden(const std::filesystem::path& path, AttentionPath attention) {
  const SafetensorsFile file(path);
  const ModelConfig config = paper_config(file);
  Transformer model(config, attention);
  NamedFloats first = paper_tensors(file, config, "param."), gradients = paper_tensors(file, config, "grad."),
              after = paper_tensors(file, config, "after.");
  {
    const torch::NoGradGuard no_gradients;
    for (auto& item : model->named_parameters()) item.value().copy_(as_tensor(first.at(item.key()), item.value()));
  }
  const torch::Tensor tokens = read_tensor(file, "input.tokens").to(torch::kLong);
  const torch::Tensor targets = read_tensor(file, "input.targets").to(torch::kLong);
  const torch::Tensor losses = read_tensor(file, "output.losses"), norms = read_tensor(file, "output.grad_norms");

  GoldenErrors errors;
  {
    const torch::NoGradGuard no_gradients;
    const torch::Tensor logits = read_tensor(file, "output.logits");
    errors.logits = largest_error(model->forward(tokens), logits) / logits.abs().max().item<double>();
  }
  double clip = 0;
  int64_t steps = 0;
  AdamW optimizer(model->named_parameters(), read_adamw(file, &clip, &steps));
  require(losses.numel() >= steps && norms.numel() >= steps, "{}: {} steps, but {} losses and {} gradient norms",
          path.string(), steps, losses.numel(), norms.numel());
  for (int64_t step = 0; step < steps; ++step) {
    const torch::Tensor loss = model->loss(tokens, targets);
    loss.backward();
    errors.losses = worse(errors.losses, relative_error(loss.item<double>(), losses[step].item<double>()));
    if (step == 0) {
      for (const auto& item : model->named_parameters()) {
        const torch::Tensor theirs = as_tensor(gradients.at(item.key()), item.value());
        const double largest = theirs.abs().max().item<double>();
        errors.gradients = worse(errors.gradients, largest_error(item.value().grad(), theirs) / largest);
      }
    }
    const double norm = optimizer.clip(clip);
    errors.gradient_norms = worse(errors.gradient_norms, relative_error(norm, norms[step].item<double>()));
    optimizer.step();
    optimizer.zero_grad();
  }
  for (const auto& item : model->named_parameters()) {
    errors.parameters =
        worse(errors.parameters, largest_error(item.value().detach(), as_tensor(after.at(item.key()), item.value())));
  }
  return errors;
}

}  // namespace t6
