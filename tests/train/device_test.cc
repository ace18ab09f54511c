#include "t6/train/device.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "t6/nn/weights.h"
#include "t6/train/ranks.h"
#include "t6/train/steps/gradient_norm.h"
#include "t6/train/steps/one_ahead.h"
#include "t6/train/steps/step_numbers.h"
#include "t6/train/steps/training_data.h"
#include "tests/train/sample_run.h"

namespace t6 {
namespace {

using testing::HasSubstr;

TEST(Device, NamesAreChecked) {
  EXPECT_EQ(parse_device("cpu", "x"), torch::Device(torch::kCPU));
  EXPECT_EQ(parse_device("cuda", "x"), torch::Device(torch::kCUDA, 0));
  EXPECT_EQ(parse_device("cuda:3", "x"), torch::Device(torch::kCUDA, 3));
  EXPECT_EQ(parse_device("cuda:127", "x"), torch::Device(torch::kCUDA, 127));
  for (const char* wrong :
       {"", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:1x", "cuda:128", "cuda:0000", "cuda 1", "cpu:0"}) {
    EXPECT_THAT(
        error_of([&] { parse_device(wrong, "here"); }),
        HasSubstr("here must be \"cpu\", \"cuda\" or \"cuda:N\" with N from 0 to 127, not \"" + std::string(wrong)));
  }
}

TEST(Device, OneThatIsNotThereIsAnError) {
  EXPECT_TRUE(open_device("cpu", "x").is_cpu());
  if (!at::globalContext().hasCUDART()) {
    EXPECT_THAT(error_of([] { open_device("cuda:1", "here"); }),
                testing::AllOf(HasSubstr("here is \"cuda:1\", and this program's LibTorch"), HasSubstr("has no CUDA"),
                               HasSubstr("make build TORCH=DIR")));
  } else {
    EXPECT_THAT(error_of([] { open_device("cuda:127", "here"); }),
                HasSubstr("here is \"cuda:127\", and LibTorch finds"));
  }
}

TEST(Device, TheCpuIsWhereNumbersAreAlready) {
  const torch::Tensor numbers = torch::arange(5, host_numbers(torch::kCPU));
  EXPECT_TRUE(sent_to(torch::kCPU, numbers).is_same(numbers));
  EXPECT_FALSE(numbers.is_pinned());
  EXPECT_EQ(peak_device_bytes(torch::kCPU), 0);
  wait_for(torch::kCPU);
}

TEST(PendingNumbers, GivesThemInOrderAndOnce) {
  PendingNumbers pending;
  EXPECT_TRUE(pending.take().empty());
  const auto number = [](double value) { return torch::full({}, value, torch::kDouble); };
  pending.add(7, number(0.1), number(2));
  pending.add(8, number(1.0 / 3), number(std::numeric_limits<double>::infinity()));
  const auto taken = pending.take();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].step, 7);
  EXPECT_EQ(taken[0].loss, 0.1);
  EXPECT_EQ(taken[1].loss, 1.0 / 3);
  EXPECT_TRUE(std::isinf(taken[1].gradient_norm));
  EXPECT_TRUE(pending.take().empty());
}

TEST(GradientNorm, OnADeviceIsThatOfOneVector) {
  torch::manual_seed(1);
  const std::vector<torch::Tensor> gradients = {torch::randn({37, 19}), torch::randn({1}), torch::zeros({4, 2}),
                                                torch::randn({13})};
  std::vector<torch::Tensor> flat;
  for (const torch::Tensor& each : gradients) flat.push_back(each.flatten().to(torch::kDouble));
  const double wanted = torch::cat(flat).norm().item<double>();
  const torch::Tensor norm = norm_on_device(gradients);
  EXPECT_EQ(norm.scalar_type(), torch::kDouble);
  EXPECT_NEAR(norm.item<double>(), wanted, 1e-6 * wanted);
  EXPECT_NEAR(clip_divisor(norm, 2).item<double>(), wanted / 2, 1e-6 * wanted);
  EXPECT_EQ(clip_divisor(norm, 1e6).item<double>(), 1);
  EXPECT_EQ(norm_on_device({}).item<double>(), 0);
  const torch::Tensor damaged = torch::tensor({1.0F, std::numeric_limits<float>::quiet_NaN()});
  EXPECT_TRUE(std::isnan(norm_on_device({torch::ones({3}), damaged}).item<double>()));
}

TEST(OneAhead, GivesWhatWasMadeForTheNumber) {
  OneAhead<int> ahead;
  const auto made = [] { return -1; };
  EXPECT_EQ(ahead.take(3, made), -1);
  ahead.put(3, 30);
  EXPECT_EQ(ahead.take(3, made), 30);
  EXPECT_EQ(ahead.take(3, made), -1) << "it is gone";
  ahead.put(3, 30);
  EXPECT_EQ(ahead.take(4, made), -1) << "another's";
}

TEST(TrainingData, ABatchThatWasPreparedIsTheSame) {
  const TemporaryFolder folder;
  RunConfig config = sample_config(folder);
  const auto data = open_training_data(config, std::make_shared<Ranks>());
  Transformer model(config.model, config.execution());
  initialize(model, 1);
  const auto loss = [&](int64_t pass) { return data->loss(model, pass).loss.item<double>(); };
  const double third = loss(3), fourth = loss(4);
  EXPECT_NE(third, fourth);
  data->prepare(3, torch::kCPU);
  EXPECT_EQ(loss(3), third);
  data->prepare(3, torch::kCPU);
  EXPECT_EQ(loss(4), fourth);
  EXPECT_EQ(loss(3), third);
}

}  // namespace
}  // namespace t6
