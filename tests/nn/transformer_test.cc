#include "t6/nn/transformer.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <cmath>

#include "t6/core/error.h"
#include "t6/model/parameters.h"
#include "t6/nn/weights.h"
#include "t6/ops/linear_cross_entropy.h"
#include "tests/nn/random_model.h"
#include "tests/temporary_folder.h"
#include "tests/zoo.h"

namespace t6 {
namespace {

torch::Tensor random_tokens(const ModelConfig& config, torch::IntArrayRef shape) {
  return torch::randint(0, config.vocab_size, shape, torch::kLong);
}

double error(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

class Zoo : public ::testing::TestWithParam<ZooModel> {};

TEST_P(Zoo, RegistersExactlyTheListedParameters) {
  const ModelConfig& config = GetParam().config;
  Transformer model(config);
  const auto tensors = model->named_parameters();
  const auto expected = parameters(config);
  EXPECT_EQ(tensors.size(), expected.size());
  for (const Parameter& parameter : expected) {
    ASSERT_TRUE(tensors.contains(parameter.name)) << parameter.name;
    EXPECT_EQ(tensors[parameter.name].sizes().vec(), parameter.shape) << parameter.name;
  }
}

TEST_P(Zoo, IsCausal) {
  const torch::NoGradGuard no_gradients;
  const ModelConfig& config = GetParam().config;
  for (const AttentionPath path : {AttentionPath::fused, AttentionPath::sdpa}) {
    Transformer model = random_model(config, path);
    const torch::Tensor tokens = random_tokens(config, {2, 9});
    torch::Tensor changed = tokens.clone();
    changed.narrow(1, 6, 3) = (changed.narrow(1, 6, 3) + 1) % config.vocab_size;
    const torch::Tensor before = model->forward(tokens), after = model->forward(changed);
    EXPECT_LT(error(after.narrow(1, 0, 6), before.narrow(1, 0, 6)), 1e-6);
    EXPECT_GT(error(after.narrow(1, 6, 3), before.narrow(1, 6, 3)), 1e-3);
  }
}

TEST_P(Zoo, EveryParameterGetsTheGradientOfFiniteDifferences) {
  const ModelConfig& config = GetParam().config;
  Transformer model = random_model(config);
  model->to(torch::kDouble);  // which takes the sdpa path
  const torch::Tensor tokens = random_tokens(config, {2, 5}), targets = random_tokens(config, {2, 5});
  model->loss(tokens, targets).backward();
  for (auto& item : model->named_parameters()) {
    const torch::NoGradGuard no_gradients;
    torch::Tensor flat = item.value().view(-1);
    const torch::Tensor direction = torch::randn_like(flat);
    constexpr double kStep = 1e-6;
    flat.add_(direction, kStep);
    const double above = model->loss(tokens, targets).item<double>();
    flat.add_(direction, -2 * kStep);
    const double below = model->loss(tokens, targets).item<double>();
    flat.add_(direction, kStep);
    const double expected = (above - below) / (2 * kStep);
    const double slope = item.value().grad().view(-1).dot(direction).item<double>();
    EXPECT_NEAR(slope, expected, 1e-6 + 1e-5 * std::abs(expected)) << item.key();
  }
}

// float32 against float64. Gradients are compared as one vector: some are zero but for rounding.
TEST_P(Zoo, BothPathsOfAttentionHaveTheGradientsOfDoublePrecision) {
  const ModelConfig& config = GetParam().config;
  const torch::Tensor tokens = random_tokens(config, {3, 21}), targets = random_tokens(config, {3, 21});
  Transformer wide = random_model(config);
  wide->to(torch::kDouble);
  wide->loss(tokens, targets).backward();
  double largest = 0;
  for (const auto& item : wide->named_parameters()) {
    largest = std::max(largest, item.value().grad().abs().max().item<double>());
  }
  Transformer fused = random_model(config, AttentionPath::fused), plain = random_model(config, AttentionPath::sdpa);
  fused->loss(tokens, targets).backward();
  plain->loss(tokens, targets).backward();
  for (const auto& item : wide->named_parameters()) {
    const auto error = [&](const Transformer& model) {
      const torch::Tensor found = model->named_parameters()[item.key()].grad();
      return (found - item.value().grad()).abs().max().item<double>() / largest;
    };
    // What PyTorch's own operators lose in float32 depends on how it deals them out to threads.
    EXPECT_LT(error(plain), 3e-5) << item.key();
    EXPECT_LT(error(fused), 2 * error(plain) + 1e-5) << item.key();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Zoo, ::testing::ValuesIn(zoo()), zoo_name<::testing::TestParamInfo<ZooModel>>);

TEST(Transformer, LossIsTheCrossEntropyOfItsLogits) {
  ModelConfig config = zoo().front().config;
  Transformer model = random_model(config);
  const torch::Tensor tokens = random_tokens(config, {3, 11});
  torch::Tensor targets = random_tokens(config, {3, 11});
  targets[1][4] = -1;
  const torch::Tensor logits = model->forward(tokens);
  const torch::Tensor expected = torch::nn::functional::cross_entropy(
      logits.flatten(0, 1), targets.flatten(), torch::nn::functional::CrossEntropyFuncOptions().ignore_index(-1));
  EXPECT_NEAR(model->loss(tokens, targets).item<double>(), expected.item<double>(), 1e-6);
  EXPECT_THROW(model->loss(tokens, torch::full_like(targets, -1)), Error);
  for (const int64_t wrong : {int64_t{-2}, config.vocab_size}) {
    targets[2][3] = wrong;
    EXPECT_THROW(model->loss(tokens, targets), Error) << wrong;
  }
}

// Output projections start at zero, so a new model is its embedding alone.
TEST(Transformer, StartsAsItsEmbedding) {
  for (const char* kind : {"tpa", "mha"}) {
    ModelConfig config;
    config.attention_kind = parse_attention_kind(kind);
    Transformer model(config);
    initialize(model, 3);
    const torch::Tensor tokens = random_tokens(config, {2, 64});
    const torch::Tensor table = model->named_parameters()["model.embed_tokens.weight"];
    const torch::Tensor x = torch::embedding(table, tokens);
    const torch::Tensor expected = torch::linear(x * x.square().mean(-1, true).rsqrt(), table);
    EXPECT_LT(error(model->forward(tokens), expected), 1e-3);
  }
}

// Weights as they begin but for the output projections, which would hide attention behind a zero.
Transformer begun(const ModelConfig& config) {
  const torch::NoGradGuard no_gradients;
  Transformer model(config);
  initialize(model, 3);
  torch::manual_seed(7);
  for (auto& item : model->named_parameters()) {
    if (item.key().ends_with("o_proj.weight")) item.value().uniform_(-0.4, 0.4);
  }
  return model;
}

// With factor_init "grouped" and no contextual part yet, keys and values are those of grouped query attention whose
// groups are the heads h of one h mod R: of MQA for a rank of 1.
TEST(Transformer, FactorsMayBeginAsGroupedQueryAttention) {
  const torch::NoGradGuard no_gradients;
  for (const int64_t rank : {1, 3}) {
    ModelConfig config = zoo().front().config, plain = config;
    config.attention_kind = AttentionKind::tpa_kvonly;
    config.k_rank = config.v_rank = rank;
    config.head_factor_bias = true;
    config.factor_init = FactorInit::grouped;
    config.head_factor_init_scale = 0;
    plain.attention_kind = AttentionKind::gqa;
    plain.num_key_value_heads = rank;
    Transformer factored = begun(config), grouped(plain);
    const int64_t H = config.num_attention_heads, D = config.head_dim;
    // Head h of the factored model stands where its group's heads stand in GQA.
    const torch::Tensor order = torch::arange(H).view({H / rank, rank}).t().flatten();
    auto from = factored->named_parameters();
    for (auto& item : grouped->named_parameters()) {
      std::string name = item.key();
      torch::Tensor& to = item.value();
      if (name.ends_with("k_proj.weight") || name.ends_with("v_proj.weight")) {
        to.copy_(from[name.insert(name.rfind("weight"), "b.")]);
      } else if (name.ends_with("q_proj.weight")) {
        to.copy_(from[name].unflatten(0, {H, D}).index_select(0, order).flatten(0, 1));
      } else if (name.ends_with("o_proj.weight")) {
        to.copy_(from[name].unflatten(1, {H, D}).index_select(1, order).flatten(1, 2));
      } else {
        to.copy_(from[name]);
      }
    }
    const torch::Tensor tokens = random_tokens(config, {2, 19});
    EXPECT_LT(error(factored->forward(tokens), grouped->forward(tokens)), 1e-5) << rank;
  }
}

// Queries of factors that begin as grouped attention's vary as those of MHA do.
TEST(Transformer, GroupedQueriesBeginAsLargeAsDenseOnes) {
  ModelConfig config;
  config.hidden_size = 512;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 16;
  config.q_rank = 4;
  config.head_factor_bias = true;
  config.factor_init = FactorInit::grouped;
  Transformer model(config);
  initialize(model, 1);
  const auto tensors = model->named_parameters();
  const std::string q = "model.layers.0.self_attn.q_proj.";
  const torch::Tensor c = tensors[q + "a.bias"].view({4, 16}) / 4, b = tensors[q + "b.weight"].view({4, 32, 512});
  const double variance = torch::einsum("rh,rdc->hdc", {c, b}).square().mean().item<double>() * 512;
  EXPECT_NEAR(variance, 1, 0.3);  // Xavier's for as many outputs as inputs
}

TEST(Loss, ManyBlocksGiveTheGradientsOfOne) {
  // A vocabulary so large that the rows take several blocks.
  const int64_t rows = 150, width = 5, vocabulary = 1 << 17;
  torch::manual_seed(1);
  torch::Tensor x = torch::randn({rows, width}, torch::kDouble).requires_grad_();
  torch::Tensor weight = torch::randn({vocabulary, width}, torch::kDouble).requires_grad_();
  torch::Tensor targets = torch::randint(0, vocabulary, {rows}, torch::kLong);
  targets[3] = -1;
  (2 * linear_cross_entropy(x, weight, targets)).backward();
  const torch::Tensor ours = x.grad().clone(), our_weight = weight.grad().clone();
  x.mutable_grad().reset();
  weight.mutable_grad().reset();
  (2 * torch::nn::functional::cross_entropy(x.matmul(weight.t()), targets,
                                            torch::nn::functional::CrossEntropyFuncOptions().ignore_index(-1)))
      .backward();
  EXPECT_LT(error(ours, x.grad()), 1e-12);
  EXPECT_LT(error(our_weight, weight.grad()), 1e-12);
}

// Theorem 3.1: rotating the feature factors rotates the product.
TEST(Rotary, CommutesWithTheProduct) {
  torch::manual_seed(2);
  const TensorProduct product{torch::randn({2, 7, 3, 5}), torch::randn({2, 7, 3, 8}), 1.0 / 3, {}};
  Rotary rotary(RotaryTable(6, 10000));
  TensorProduct rotated = product;
  rotated.b = rotary.rotate(product.b, 7);
  EXPECT_LT(error(materialize(rotated, 2, 7), rotary.rotate(materialize(product, 2, 7), 7)), 1e-6);
}

TEST(Rotary, LogitsDependOnDistanceAlone) {
  Rotary rotary(RotaryTable(8, 10000));
  const torch::Tensor x = torch::randn({1, 1, 1, 8}), y = torch::randn({1, 1, 1, 8});
  const torch::Tensor many_x = rotary.rotate(x.expand({1, 40, 1, 8}), 40).squeeze(),
                      many_y = rotary.rotate(y.expand({1, 40, 1, 8}), 40).squeeze();
  const double near = many_x[3].dot(many_y[1]).item<double>(), far = many_x[39].dot(many_y[37]).item<double>();
  EXPECT_NEAR(near, far, 1e-5);
}

TEST(Weights, SurviveARoundTripBitForBit) {
  const TemporaryFolder folder;
  const ModelConfig config = zoo().back().config;
  Transformer first = random_model(config), second(config);
  save_weights(first, folder.path());
  load_weights(second, folder.path());
  const auto a = first->named_parameters(), b = second->named_parameters();
  for (const auto& item : a) EXPECT_TRUE(torch::equal(item.value(), b[item.key()])) << item.key();
}

TEST(Weights, RefuseAnotherModelsFile) {
  const TemporaryFolder folder;
  Transformer tpa = random_model(zoo()[0].config);
  save_weights(tpa, folder.path());
  ModelConfig other = zoo()[0].config;
  other.hidden_size = 22;
  Transformer wider(other);
  EXPECT_THROW(load_weights(wider, folder.path()), Error);
  other = zoo()[0].config;
  other.num_hidden_layers = 1;
  Transformer shallower(other);
  EXPECT_THROW(load_weights(shallower, folder.path()), Error);
}

TEST(Weights, InitializationIsDeterministic) {
  ModelConfig config;
  Transformer a(config), b(config), c(config);
  initialize(a, 1);
  initialize(b, 1);
  initialize(c, 2);
  EXPECT_TRUE(torch::equal(a->parameters()[0], b->parameters()[0]));
  EXPECT_FALSE(torch::equal(a->parameters()[0], c->parameters()[0]));
}

}  // namespace
}  // namespace t6
