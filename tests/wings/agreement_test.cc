// The same checkpoint gives the same logits in both wings, for every kind and option of the zoo: the serving wing,
// decoding token by token from its factorized cache, against the training wing's full pass.
#include <gmock/gmock.h>
#include <torch/torch.h>

#include <memory>

#include "t6/infer/forward.h"
#include "t6/nn/weights.h"
#include "tests/context.h"
#include "tests/temporary_folder.h"
#include "tests/zoo.h"

namespace t6 {
namespace {

constexpr int64_t kLength = 23;
constexpr double kTolerance = 1e-4;  // of the largest logit

struct Both {
  explicit Both(const ModelConfig& config) : trained(config), compared(config, AttentionPath::sdpa) {
    const torch::NoGradGuard no_gradients;
    torch::manual_seed(11);
    for (auto& item : trained->named_parameters()) item.value().uniform_(-0.4, 0.4);
    const TemporaryFolder folder;
    save_weights(trained, folder.path());
    load_weights(compared, folder.path());
    served = std::make_shared<const Model>(test_context(), config, Weights(config, folder / "model.safetensors"));
  }

  Transformer trained, compared;  // one model on both paths of attention
  std::shared_ptr<const Model> served;
};

class Wings : public ::testing::TestWithParam<ZooModel> {
 protected:
  void SetUp() override {
    const torch::NoGradGuard no_gradients;
    const torch::Tensor tokens = torch::randint(0, config_.vocab_size, {1, kLength}, torch::kLong);
    logits_ = both_.trained->forward(tokens)[0];
    largest_ = logits_.abs().max().item<double>();
    const torch::Tensor compared = both_.compared->forward(tokens)[0];
    EXPECT_LE((compared - logits_).abs().max().item<double>(), kTolerance * largest_);
    for (int64_t i = 0; i < kLength; ++i) ids_.push_back(static_cast<int32_t>(tokens[0][i].item<int64_t>()));
  }
  void expect_row(std::span<const float> served, int64_t position) {
    const torch::Tensor ours = torch::from_blob(const_cast<float*>(served.data()), {config_.vocab_size});
    EXPECT_LE((ours - logits_[position]).abs().max().item<double>(), kTolerance * largest_) << "position " << position;
  }

  ModelConfig config_ = GetParam().config;
  Both both_{config_};
  std::vector<int32_t> ids_;
  torch::Tensor logits_;  // [T, V]
  double largest_ = 0;
};

TEST_P(Wings, AgreeTokenByToken) {
  ForwardPass pass(test_context(), both_.served);
  FactorCache cache(config_);
  for (int64_t i = 0; i < kLength; ++i) {
    expect_row(pass.run(std::span(ids_).subspan(static_cast<size_t>(i), 1), cache, Logits::last), i);
  }
}

TEST_P(Wings, AgreeInChunks) {
  ForwardPass pass(test_context(), both_.served);
  FactorCache cache(config_);
  for (int64_t begin = 0; begin < kLength; begin += 7) {
    const int64_t size = std::min<int64_t>(7, kLength - begin);
    const auto chunk = std::span(ids_).subspan(static_cast<size_t>(begin), static_cast<size_t>(size));
    const auto all = pass.run(chunk, cache, Logits::all);
    for (int64_t i = 0; i < size; ++i) {
      expect_row(all.subspan(static_cast<size_t>(i * config_.vocab_size), static_cast<size_t>(config_.vocab_size)),
                 begin + i);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, Wings, ::testing::ValuesIn(zoo()), zoo_name<::testing::TestParamInfo<ZooModel>>);

}  // namespace
}  // namespace t6
