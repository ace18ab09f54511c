// Models with random parameters, and what their gradients are.
#pragma once

#include <vector>

#include "t6/nn/transformer.h"

namespace t6 {

// Every parameter random, output projections too, so that nothing is hidden behind a zero.
inline Transformer random_model(const ModelConfig& config, AttentionPath path = AttentionPath::fused) {
  const torch::NoGradGuard no_gradients;
  Transformer model(config, path);
  torch::manual_seed(5);
  for (auto& item : model->named_parameters()) item.value().uniform_(-0.4, 0.4);
  return model;
}

// All gradients as one vector of float64, in the order of the parameters' names.
inline torch::Tensor gradients(const Transformer& model) {
  std::vector<torch::Tensor> all;
  for (const auto& item : model->named_parameters()) all.push_back(item.value().grad().to(torch::kDouble).flatten());
  return torch::cat(all);
}

// The length of the difference, of the length of what is wanted.
inline double distance(const torch::Tensor& got, const torch::Tensor& wanted) {
  return ((got - wanted).norm() / wanted.norm()).item<double>();
}

}  // namespace t6
