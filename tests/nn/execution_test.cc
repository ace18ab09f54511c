#include "t6/nn/execution.h"

#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>
#include <torch/torch.h>

#include <cmath>

#include "t6/nn/layers/norm.h"
#include "t6/nn/layers/rotary.h"
#include "t6/nn/transformer.h"
#include "t6/ops/gated_linear.h"
#include "tests/error_of.h"
#include "tests/nn/random_model.h"
#include "tests/zoo.h"

namespace t6 {
namespace {

using testing::HasSubstr;

constexpr Precision kWide = Precision::float32, kNarrow = Precision::bfloat16;

Transformer model_of(const ModelConfig& config, const Execution& execution) {
  const torch::NoGradGuard no_gradients;
  Transformer model(config, execution);
  torch::manual_seed(5);
  for (auto& item : model->named_parameters()) item.value().uniform_(-0.3, 0.3);
  return model;
}

struct Batch {
  explicit Batch(const ModelConfig& config)
      : tokens(torch::randint(0, config.vocab_size, {2, 21}, torch::kLong)),
        targets(torch::randint(0, config.vocab_size, {2, 21}, torch::kLong)) {}
  torch::Tensor tokens, targets;
};

torch::Tensor gradients_of(Transformer& model, const Batch& batch) {
  model->loss(batch.tokens, batch.targets).backward();
  return gradients(model);
}

class Executions : public ::testing::TestWithParam<ZooModel> {};

TEST_P(Executions, Bfloat16IsNearFloat64) {
  const ModelConfig& config = GetParam().config;
  torch::manual_seed(1);
  const Batch batch(config);
  Transformer wide = model_of(config, {});
  wide->to(torch::kDouble);
  const double wanted_loss = wide->loss(batch.tokens, batch.targets).item<double>();
  const torch::Tensor wanted = gradients_of(wide, batch);
  for (const AttentionPath path : {AttentionPath::fused, AttentionPath::sdpa}) {
    Transformer model = model_of(config, {path, kNarrow});
    for (const auto& item : model->named_parameters()) EXPECT_EQ(item.value().scalar_type(), torch::kFloat);
    EXPECT_NEAR(model->loss(batch.tokens, batch.targets).item<double>(), wanted_loss, 0.01 * wanted_loss);
    EXPECT_LT(distance(gradients_of(model, batch), wanted), 0.05);
    for (const auto& item : model->named_parameters()) EXPECT_EQ(item.value().grad().scalar_type(), torch::kFloat);
  }
}

TEST_P(Executions, RecomputingChangesNoBit) {
  const ModelConfig& config = GetParam().config;
  torch::manual_seed(1);
  const Batch batch(config);
  for (const Precision precision : {kWide, kNarrow}) {
    for (const AttentionPath path : {AttentionPath::fused, AttentionPath::sdpa}) {
      Transformer kept = model_of(config, {path, precision});
      const torch::Tensor wanted = gradients_of(kept, batch);
      for (const Recompute recompute : {Recompute::attention, Recompute::layer}) {
        Transformer again = model_of(config, {path, precision, recompute});
        EXPECT_TRUE(torch::equal(gradients_of(again, batch), wanted)) << static_cast<int>(recompute);
        gradients_of(again, batch);
        gradients_of(kept, batch);  // added to the first ones, as in accumulation
        EXPECT_TRUE(torch::equal(gradients(again), gradients(kept)));
        for (auto& item : kept->named_parameters()) item.value().mutable_grad().reset();
        gradients_of(kept, batch);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Executions, ::testing::ValuesIn(zoo()), zoo_name<::testing::TestParamInfo<ZooModel>>);

// The same model by PyTorch's operators under its autocast, as people train in mixed precision: for models of the zoo
// without options.
class Autocast {
 public:
  Autocast(const Transformer& model, const ModelConfig& config)
      : parameters_(model->named_parameters()), config_(config), rotary_(RotaryTable(config.head_dim, 10000)) {
    at::autocast::set_autocast_enabled(at::kCPU, true);
    at::autocast::set_autocast_dtype(at::kCPU, torch::kBFloat16);
  }
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }

  torch::Tensor loss(const Batch& batch) {
    torch::Tensor x = torch::embedding(parameters_["model.embed_tokens.weight"], batch.tokens);
    for (int64_t i = 0; i < config_.num_hidden_layers; ++i) {
      layer_ = "model.layers." + std::to_string(i) + ".";
      x = x + attention(norm(x, layer_ + "input_layernorm.weight"));
      const torch::Tensor h = norm(x, layer_ + "post_attention_layernorm.weight");
      x = x + linear(torch::silu(linear(h, "mlp.gate_proj.weight")) * linear(h, "mlp.up_proj.weight"),
                     "mlp.down_proj.weight");
    }
    layer_.clear();
    const torch::Tensor last = norm(x, "model.norm.weight");
    const torch::Tensor logits =
        linear(last, parameters_.contains("lm_head.weight") ? "lm_head.weight" : "model.embed_tokens.weight");
    return torch::cross_entropy_loss(logits.to(torch::kFloat).flatten(0, 1), batch.targets.flatten());
  }

 private:
  torch::Tensor norm(const torch::Tensor& x, const std::string& name) {
    const torch::Tensor* weight = parameters_.find(name);
    return torch::rms_norm(x, {x.size(-1)}, weight ? std::optional(*weight) : std::nullopt, config_.rms_norm_eps);
  }
  torch::Tensor linear(const torch::Tensor& x, const std::string& name) {
    return torch::linear(x, parameters_[layer_ + name]);
  }
  torch::Tensor attention(const torch::Tensor& x) {
    const auto heads = [&](const std::string& name, bool rotated) {
      const bool dense = parameters_.contains(layer_ + "self_attn." + name + ".weight");
      torch::Tensor b = linear(x, "self_attn." + name + (dense ? ".weight" : ".b.weight"));
      b = b.unflatten(-1, {-1, config_.head_dim});
      if (rotated) b = rotary_.rotate(b.to(torch::kFloat), x.size(1));
      if (dense) return b.transpose(1, 2);
      const torch::Tensor a = linear(x, "self_attn." + name + ".a.weight").unflatten(-1, {b.size(2), -1});
      return (torch::matmul(a.transpose(-1, -2), b) / b.size(2)).transpose(1, 2);
    };
    const torch::Tensor q = heads("q_proj", true).to(torch::kBFloat16), k = heads("k_proj", true).to(torch::kBFloat16);
    const torch::Tensor v = heads("v_proj", false).to(torch::kBFloat16);
    const torch::Tensor out = torch::scaled_dot_product_attention(q, k, v, std::nullopt, 0, true);
    return linear(out.transpose(1, 2).flatten(2), "self_attn.o_proj.weight");
  }

  torch::OrderedDict<std::string, torch::Tensor> parameters_;
  ModelConfig config_;
  Rotary rotary_;
  std::string layer_;
};

TEST(Bfloat16, GradientsAreWithinTwiceTheErrorOfAutocasts) {
  for (const ZooModel& zoo_model : zoo()) {
    if (zoo_model.name != "mha" && zoo_model.name != "tpa") continue;
    const ModelConfig& config = zoo_model.config;
    torch::manual_seed(1);
    const Batch batch(config);
    Transformer wide = model_of(config, {}), plain = model_of(config, {});
    Autocast(plain, config).loss(batch).backward();
    wide->to(torch::kDouble);
    const torch::Tensor wanted = gradients_of(wide, batch);
    const double autocast_error = distance(gradients(plain), wanted);
    EXPECT_LT(autocast_error, 0.05) << "the same model";
    for (const AttentionPath path : {AttentionPath::fused, AttentionPath::sdpa}) {
      Transformer ours = model_of(config, {path, kNarrow});
      EXPECT_LT(distance(gradients_of(ours, batch), wanted), 2 * autocast_error) << zoo_model.name;
    }
  }
}

TEST(Bfloat16, GatedLinearHasTheValuesAndGradientsOfItsFormula) {
  torch::manual_seed(3);
  const auto narrow = [](torch::IntArrayRef shape) { return torch::randn(shape, torch::kBFloat16).requires_grad_(); };
  for (const bool gelu : {false, true}) {
    const torch::Tensor gate = narrow({3, 5, 19}), up = narrow({3, 5, 19}),
                        weight = torch::randn({7, 19}).requires_grad_();
    std::vector<torch::Tensor> wide;
    for (const torch::Tensor& leaf : {gate, up, weight}) {
      wide.push_back(leaf.detach().to(torch::kDouble).requires_grad_());
    }
    const torch::Tensor act = gelu ? torch::gelu(wide[0], "tanh") : torch::silu(wide[0]);
    const torch::Tensor wanted = torch::linear(act * wide[1], wide[2]), direction = torch::randn({3, 5, 7});
    const torch::Tensor got = gated_linear(gate, up, weight, gelu);
    EXPECT_EQ(got.scalar_type(), torch::kFloat);
    EXPECT_LT(distance(got, wanted), 0.01);
    got.backward(direction);
    wanted.backward(direction.to(torch::kDouble));
    EXPECT_LT(distance(gate.grad(), wide[0].grad()), 0.01);
    EXPECT_LT(distance(up.grad(), wide[1].grad()), 0.01);
    EXPECT_LT(distance(weight.grad(), wide[2].grad()), 0.01);
  }
}

TEST(Bfloat16, NormsHaveTheValuesAndGradientsOfTheirFormula) {
  torch::manual_seed(4);
  for (const torch::ScalarType type : {torch::kFloat, torch::kBFloat16}) {
    for (const bool weighted : {false, true}) {
      Norm norm(35, 1e-5, weighted);
      if (weighted) norm->weight.data().uniform_(0.5, 2);
      const torch::Tensor x = torch::randn({3, 4, 35}).to(type).requires_grad_();
      const torch::Tensor wide = x.detach().to(torch::kDouble).requires_grad_();
      const torch::Tensor wide_weight = norm->weight.defined()
                                            ? norm->weight.detach().to(torch::kDouble).requires_grad_()
                                            : torch::ones({35}, torch::kDouble).requires_grad_();
      const torch::Tensor wanted = wide * (wide.square().mean(-1, true) + 1e-5).rsqrt() * wide_weight;
      const torch::Tensor got = norm->forward(x, torch::kBFloat16), direction = torch::randn({3, 4, 35});
      EXPECT_EQ(got.scalar_type(), torch::kBFloat16);
      EXPECT_LT(distance(got, wanted), 0.005);
      got.backward(direction.to(torch::kBFloat16));
      wanted.backward(direction.to(torch::kDouble));
      EXPECT_EQ(x.grad().scalar_type(), type);
      EXPECT_LT(distance(x.grad(), wide.grad()), 0.01);
      if (weighted) {
        EXPECT_LT(distance(norm->weight.grad(), wide_weight.grad()), 0.01);
      }
    }
  }
}

TEST(Bfloat16, RotationIsThatOfFloat32) {
  torch::manual_seed(6);
  for (const int64_t dim : {10, 6}) {
    Rotary rotary(RotaryTable(dim, 10000));
    const torch::Tensor x = torch::randn({2, 9, 3, 10}, torch::kBFloat16).requires_grad_();
    const torch::Tensor wide = x.detach().to(torch::kFloat).requires_grad_();
    const torch::Tensor got = rotary.rotate(x, 9), wanted = rotary.rotate(wide, 9);
    const torch::Tensor direction = torch::randn({2, 9, 3, 10}, torch::kBFloat16);
    EXPECT_TRUE(torch::equal(got, wanted.to(torch::kBFloat16)) || distance(got, wanted) < 0.003);
    got.backward(direction);
    wanted.backward(direction.to(torch::kFloat));
    EXPECT_LT(distance(x.grad().to(torch::kDouble), wide.grad().to(torch::kDouble)), 0.003);
  }
}

TEST(Execution, NamesAreChecked) {
  EXPECT_EQ(parse_precision("bfloat16", "x"), kNarrow);
  EXPECT_EQ(parse_recompute("layer", "x"), Recompute::layer);
  EXPECT_THAT(error_of([] { parse_precision("float16", "here"); }),
              HasSubstr("here must be \"float32\" or \"bfloat16\", not \"float16\""));
  EXPECT_THAT(error_of([] { parse_recompute("all", "here"); }),
              HasSubstr("here must be \"none\", \"attention\" or \"layer\", not \"all\""));
}

}  // namespace
}  // namespace t6
