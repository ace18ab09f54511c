// The gradients of all ranks, added up while the backward pass goes on.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "t6/train/ranks.h"

namespace c10d {
class Reducer;
}

namespace t6 {

// LibTorch's Reducer over the ranks: parameters whose gradients come one after another share a buffer, which is summed
// as soon as the last of them is there. Alone it does nothing.
class GradientSum {
 public:
  // Both outlive this. Every parameter takes part in every backward pass, once.
  GradientSum(const torch::OrderedDict<std::string, torch::Tensor>& parameters, Ranks& ranks);
  ~GradientSum();
  GradientSum(const GradientSum&) = delete;
  GradientSum& operator=(const GradientSum&) = delete;

  // The backward pass that follows sums: what it adds and what passes before it have added to the gradients.
  void begin();
  // After that pass: the gradients are the sums of all ranks'. Error: a parameter took no part.
  void end();

 private:
  class Hook;
  Ranks& ranks_;
  std::unique_ptr<c10d::Reducer> reducer_;
  Hook* hook_ = nullptr;  // the reducer's
};

// Which parameters share a buffer, those with the last gradients first: of few numbers, so that the first sums begin
// early, and of enough that a message's delay is small beside its length. `bytes`: of each parameter.
std::vector<std::vector<size_t>> gradient_buckets(const std::vector<int64_t>& bytes);

}  // namespace t6
