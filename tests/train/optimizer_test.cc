#include "t6/train/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "t6/core/random.h"

namespace t6 {
namespace {

// AdamW of one parameter in float64, by its definition.
struct Reference {
  std::vector<double> value, average, square;
  int64_t steps = 0;

  void step(const std::vector<double>& gradient, const AdamWOptions& o, double decay, double scale) {
    ++steps;
    for (size_t i = 0; i < value.size(); ++i) {
      const double g = gradient[i] * scale;
      value[i] -= o.learning_rate * decay * value[i];
      average[i] = o.beta1 * average[i] + (1 - o.beta1) * g;
      square[i] = o.beta2 * square[i] + (1 - o.beta2) * g * g;
      const double mean = average[i] / (1 - std::pow(o.beta1, steps)),
                   spread = square[i] / (1 - std::pow(o.beta2, steps));
      value[i] -= o.learning_rate * mean / (std::sqrt(spread) + o.epsilon);
    }
  }
};

std::vector<double> numbers(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.detach().flatten().to(torch::kDouble);
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

torch::Tensor random_tensor(const std::vector<int64_t>& shape, uint64_t seed, double bound) {
  torch::Tensor tensor = torch::empty(shape);
  Random random(seed);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.data_ptr<float>()[i] = static_cast<float>(bound * (2 * random.uniform() - 1));
  }
  return tensor;
}

// A matrix of an odd size, so that the fused kernel's tail is used too, a vector, and two of head factors.
torch::OrderedDict<std::string, torch::Tensor> sample_parameters() {
  torch::OrderedDict<std::string, torch::Tensor> parameters;
  parameters.insert("matrix", random_tensor({37, 19}, 1, 0.5).requires_grad_());
  parameters.insert("vector", random_tensor({13}, 2, 0.5).requires_grad_());
  parameters.insert("layer.k_proj.a.weight", random_tensor({6, 19}, 3, 0.5).requires_grad_());
  parameters.insert("layer.k_proj.a.bias", random_tensor({6}, 4, 0.5).requires_grad_());
  return parameters;
}

void compare(const AdamWOptions& options, double clip) {
  auto parameters = sample_parameters();
  AdamW optimizer(parameters, options);
  std::vector<Reference> references;
  for (const auto& item : parameters) {
    const std::vector<double> zeros(static_cast<size_t>(item.value().numel()));
    references.push_back({numbers(item.value()), zeros, zeros});
  }
  for (uint64_t step = 0; step < 20; ++step) {
    double norm = 0;
    std::vector<std::vector<double>> gradients;
    for (auto& item : parameters) {
      item.value().mutable_grad() = random_tensor(item.value().sizes().vec(), 100 + step, 0.3);
      for (const double g : gradients.emplace_back(numbers(item.value().grad()))) norm += g * g;
    }
    norm = std::sqrt(norm);
    const double scale = clip > 0 ? std::min(1.0, clip / (norm + 1e-6)) : 1;
    EXPECT_NEAR(optimizer.clip(clip), norm, 1e-12 * norm);
    optimizer.step();
    optimizer.zero_grad();
    for (size_t i = 0; i < references.size(); ++i) {
      const bool decays = parameters[i].value().dim() >= 2 || !options.decay_matrices_only;
      AdamWOptions own = options;
      if (i >= 2) own.learning_rate *= options.head_factor_learning_rate_scale;
      references[i].step(gradients[i], own, decays ? options.weight_decay : 0, scale);
    }
  }
  for (size_t i = 0; i < references.size(); ++i) {
    const std::vector<double> ours = numbers(parameters[i].value());
    for (size_t j = 0; j < ours.size(); ++j) EXPECT_NEAR(ours[j], references[i].value[j], 1e-6) << parameters[i].key();
  }
}

TEST(AdamW, IsTheDefinition) { compare({.learning_rate = 1e-2, .weight_decay = 0.1}, 0); }
TEST(AdamW, ClipsByTheGlobalNorm) { compare({.learning_rate = 1e-2, .weight_decay = 0.1}, 0.7); }
TEST(AdamW, DoesNotScaleSmallGradientsUp) { compare({.learning_rate = 1e-2, .weight_decay = 0.1}, 1e6); }
TEST(AdamW, DecaysMatricesOnlyWhenAsked) {
  compare({.learning_rate = 1e-2, .weight_decay = 0.5, .decay_matrices_only = true}, 1);
}

TEST(AdamW, HeadFactorsLearnAtTheirOwnRate) {
  compare(
      {.learning_rate = 1e-2, .weight_decay = 0.5, .head_factor_learning_rate_scale = 0.3, .decay_matrices_only = true},
      0.7);
}

TEST(AdamW, TheNormCoversTensorsOfManyPieces) {
  torch::OrderedDict<std::string, torch::Tensor> parameters;
  parameters.insert("large", torch::zeros({100'003}).requires_grad_());
  AdamW optimizer(parameters, {});
  parameters["large"].mutable_grad() = torch::full({100'003}, 2.0f);
  EXPECT_NEAR(optimizer.clip(1), 2 * std::sqrt(100'003.0), 1e-9);
}

TEST(AdamW, ANormThatIsNotFiniteIsSeen) {
  auto parameters = sample_parameters();
  AdamW optimizer(parameters, {});
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    parameters["matrix"].mutable_grad() = torch::zeros({37, 19});
    parameters["vector"].mutable_grad() = torch::full({13}, bad);
    EXPECT_FALSE(std::isfinite(optimizer.clip(1)));
  }
}

TEST(AdamW, MomentsCarryARunOnToTheSameBits) {
  auto parameters = sample_parameters(), copies = sample_parameters();
  const auto set_gradients = [](auto& tensors, uint64_t seed) {
    for (auto& item : tensors) item.value().mutable_grad() = random_tensor(item.value().sizes().vec(), seed, 1);
  };
  AdamW first(parameters, {});
  for (uint64_t step = 0; step < 3; ++step) {
    set_gradients(parameters, step);
    first.clip(1);
    first.step();
  }
  AdamW second(copies, {});
  {
    const torch::NoGradGuard no_gradients;
    for (auto& item : copies) item.value().copy_(parameters[item.key()]);
  }
  const auto from = first.moments(), to = second.moments();
  for (size_t i = 0; i < from.size(); ++i) {
    EXPECT_EQ(from[i].first, to[i].first);
    to[i].second.copy_(from[i].second);
  }
  second.set_steps(first.steps());
  for (AdamW* optimizer : {&first, &second}) {
    set_gradients(optimizer == &first ? parameters : copies, 77);
    optimizer->clip(1);
    optimizer->step();
  }
  for (const auto& item : copies) EXPECT_TRUE(torch::equal(item.value(), parameters[item.key()]));
}

TEST(AdamW, ParametersWithoutAGradientStay) {
  auto parameters = sample_parameters();
  const torch::Tensor before = parameters["vector"].detach().clone();
  AdamW optimizer(parameters, {});
  parameters["matrix"].mutable_grad() = torch::ones({37, 19});
  optimizer.clip(1);
  optimizer.step();
  EXPECT_TRUE(torch::equal(parameters["vector"], before));
}

}  // namespace
}  // namespace t6
