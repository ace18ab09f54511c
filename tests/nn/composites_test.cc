// The model with the operators that a GPU takes: on the CPU, beside our kernels, and on Meta, where numbers that are
// elsewhere or read back are errors.
#include <gmock/gmock.h>

#include "t6/nn/transformer.h"
#include "t6/nn/weights.h"
#include "tests/nn/random_model.h"
#include "tests/ops/composites_on.h"
#include "tests/zoo.h"

namespace t6 {
namespace {

using torch::Tensor;

struct Result {
  double loss;
  Tensor gradients;
};

Result result_of(const ModelConfig& config, const Execution& execution) {
  torch::manual_seed(1);
  const Tensor tokens = torch::randint(0, config.vocab_size, {2, 21}, torch::kLong);
  const Tensor targets = torch::randint(0, config.vocab_size, {2, 21}, torch::kLong);
  Transformer model(config, execution);
  {
    const torch::NoGradGuard no_gradients;
    for (auto& item : model->named_parameters()) item.value().uniform_(-0.3, 0.3);
  }
  const Tensor loss = model->loss(tokens, targets);
  loss.backward();
  return {loss.item<double>(), gradients(model)};
}

class ComposedModel : public ::testing::TestWithParam<ZooModel> {};

TEST_P(ComposedModel, IsThatOfTheKernels) {
  const ModelConfig& config = GetParam().config;
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    const double most = precision == Precision::float32 ? 1e-5 : 0.05;
    const Execution execution(AttentionPath::fused, precision);
    const Result kernels = result_of(config, execution);
    const CompositesOn composites = CompositesOn::cpu();
    const Result composed = result_of(config, execution);
    EXPECT_NEAR(composed.loss, kernels.loss, most * kernels.loss);
    EXPECT_LT(distance(composed.gradients, kernels.gradients), most);
    const Result again = result_of(config, {AttentionPath::fused, precision, Recompute::layer});
    EXPECT_LT(distance(again.gradients, composed.gradients), most);
  }
}

// While it lives, tensors that are made without a device are on Meta.
class MadeOnMeta {
 public:
  MadeOnMeta() : library_(torch::Library::IMPL, "aten", c10::DispatchKey::BackendSelect, __FILE__, __LINE__) {
    library_.impl("empty.memory_format", &empty);
  }

 private:
  static Tensor empty(c10::SymIntArrayRef sizes, std::optional<torch::ScalarType> type,
                      std::optional<torch::Layout> layout, std::optional<torch::Device>, std::optional<bool> pinned,
                      std::optional<torch::MemoryFormat> format) {
    return at::_ops::empty_memory_format::redispatch(c10::DispatchKeySet(c10::DispatchKey::Meta), sizes, type, layout,
                                                     torch::Device(torch::kMeta), pinned, format);
  }

  torch::Library library_;
};

TEST_P(ComposedModel, StaysOnItsDeviceAndReadsNothingBack) {
  const ModelConfig& config = GetParam().config;
  const CompositesOn composites = CompositesOn::meta();
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    for (const AttentionPath path : {AttentionPath::fused, AttentionPath::sdpa}) {
      std::optional<MadeOnMeta> made(std::in_place);
      Transformer model(config, Execution(path, precision));
      made.reset();
      ASSERT_TRUE(model->device().is_meta());
      const Tensor tokens = torch::empty({2, 21}, torch::dtype(torch::kLong).device(torch::kMeta));
      const Tensor loss = model->loss(tokens, tokens);
      loss.backward();
      EXPECT_TRUE(loss.is_meta());
      for (const auto& item : model->named_parameters()) {
        ASSERT_TRUE(item.value().grad().defined()) << item.key();
        EXPECT_TRUE(item.value().grad().is_meta()) << item.key();
        EXPECT_EQ(item.value().grad().sizes(), item.value().sizes()) << item.key();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ComposedModel, ::testing::ValuesIn(zoo()), zoo_name<::testing::TestParamInfo<ZooModel>>);

TEST(ComposedClassifier, StaysOnItsDeviceAndReadsNothingBack) {
  const CompositesOn composites = CompositesOn::meta();
  for (const bool bidirectional : {false, true}) {
    ModelConfig config = zoo().front().config;
    config.num_labels = 3;
    config.label_pairs = true;
    config.bidirectional = bidirectional;
    std::optional<MadeOnMeta> made(std::in_place);
    Transformer model(config, Execution(bidirectional ? AttentionPath::sdpa : AttentionPath::fused));
    made.reset();
    const auto numbers = torch::dtype(torch::kLong).device(torch::kMeta);
    const Tensor logits = model->classify(torch::empty({4, 9}, numbers), torch::empty({4}, numbers));
    EXPECT_EQ(logits.sizes(), (torch::IntArrayRef{2, 3}));
    EXPECT_TRUE(logits.is_meta());
  }
}

}  // namespace
}  // namespace t6
