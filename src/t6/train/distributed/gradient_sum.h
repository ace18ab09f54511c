// The gradients of all ranks, added up while the backward pass goes on.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>

#include "t6/train/distributed/layout.h"
#include "t6/train/ranks.h"

namespace c10d {
class Reducer;
}

namespace t6 {

// LibTorch's Reducer over the ranks: the gradients of a bucket share a buffer, of which each rank sums its part as soon
// as the last of them is there. Alone it does nothing.
class GradientSum {
 public:
  // All outlive this. Every parameter takes part in every backward pass, once.
  GradientSum(const torch::OrderedDict<std::string, torch::Tensor>& parameters, const Layout& layout, Ranks& ranks);
  ~GradientSum();
  GradientSum(const GradientSum&) = delete;
  GradientSum& operator=(const GradientSum&) = delete;

  // The backward pass that follows sums: what it adds and what passes before it have added to the gradients.
  void begin();
  // After that pass: of each gradient the rank's part is the sum of all ranks', in their order; what the others have of
  // it is of no use here. Error: a parameter took no part.
  void end();

 private:
  class Hook;
  Ranks& ranks_;
  std::unique_ptr<c10d::Reducer> reducer_;
  Hook* hook_ = nullptr;  // the reducer's
};

}  // namespace t6
