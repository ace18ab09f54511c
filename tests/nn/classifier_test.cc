#include <gtest/gtest.h>
#include <torch/torch.h>

#include "t6/core/error.h"
#include "t6/nn/transformer.h"
#include "t6/nn/weights.h"
#include "tests/error_of.h"
#include "tests/nn/random_model.h"
#include "tests/zoo.h"

namespace t6 {
namespace {

ModelConfig classifier(AttentionKind kind) {
  ModelConfig config;
  config.vocab_size = 19;
  config.hidden_size = 12;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 3;
  config.head_dim = 8;
  config.max_position_embeddings = 32;
  config.attention_kind = kind;
  config.num_labels = 5;
  if (kind == AttentionKind::gqa) config.num_key_value_heads = 1;
  return config;
}

double difference(const torch::Tensor& a, const torch::Tensor& b) { return (a - b).abs().max().item<double>(); }

torch::Tensor lengths(std::vector<int64_t> values) { return torch::tensor(values); }

// Each document alone and without padding gives what it gives among longer ones, whatever the padding is.
void expect_the_same_alone(Transformer& model) {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor tokens = torch::randint(0, 19, {3, 9}, torch::kLong);
  const std::vector<int64_t> sizes = {4, 9, 1};
  const torch::Tensor together = model->classify(tokens, lengths(sizes));
  ASSERT_EQ(together.sizes().vec(), (std::vector<int64_t>{3, 5}));
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t size = sizes[static_cast<size_t>(i)];
    const torch::Tensor alone = model->classify(tokens.narrow(0, i, 1).narrow(1, 0, size), lengths({size}));
    EXPECT_LT(difference(alone[0], together[i]), 1e-5) << i;
  }
}

TEST(Classifier, PaddingChangesNothing) {
  for (const AttentionKind kind : {AttentionKind::tpa, AttentionKind::mha, AttentionKind::gqa}) {
    for (const LabelPooling pooling : {LabelPooling::mean, LabelPooling::last}) {
      ModelConfig config = classifier(kind);
      config.label_pooling = pooling;
      for (const AttentionPath path : {AttentionPath::fused, AttentionPath::sdpa}) {
        Transformer model = random_model(config, path);
        expect_the_same_alone(model);
      }
    }
    ModelConfig config = classifier(kind);
    config.bidirectional = true;
    Transformer model = random_model(config, AttentionPath::sdpa);
    expect_the_same_alone(model);
  }
}

// By the hidden states of a language model with the same weights: its logits with an identity for an output head.
TEST(Classifier, LogitsAreOfTheMeanOrTheLastState) {
  const torch::NoGradGuard no_gradients;
  ModelConfig language = classifier(AttentionKind::tpa);
  language.num_labels = 0;
  language.tie_word_embeddings = false;
  language.vocab_size = 12;
  language.hidden_size = 12;
  Transformer states = random_model(language);
  states->named_parameters()["lm_head.weight"].copy_(torch::eye(12));
  for (const LabelPooling pooling : {LabelPooling::mean, LabelPooling::last}) {
    ModelConfig config = language;
    config.num_labels = 5;
    config.label_pooling = pooling;
    Transformer model = random_model(config);
    for (auto& item : model->named_parameters()) {
      if (item.key() != "classifier.weight") item.value().copy_(states->named_parameters()[item.key()]);
    }
    const torch::Tensor tokens = torch::randint(0, 12, {2, 7}, torch::kLong);
    const torch::Tensor x = states->forward(tokens), weight = model->named_parameters()["classifier.weight"];
    const torch::Tensor logits = model->classify(tokens, lengths({7, 3}));
    const bool mean = pooling == LabelPooling::mean;
    EXPECT_LT(difference(logits[0], torch::mv(weight, mean ? x[0].mean(0) : x[0][6])), 1e-5);
    EXPECT_LT(difference(logits[1], torch::mv(weight, mean ? x[1].narrow(0, 0, 3).mean(0) : x[1][2])), 1e-5);
  }
}

TEST(Classifier, PairsAreReadApart) {
  const torch::NoGradGuard no_gradients;
  ModelConfig config = classifier(AttentionKind::tpa);
  config.label_pairs = true;
  Transformer model = random_model(config);
  const torch::Tensor weight = model->named_parameters()["classifier.weight"];
  ASSERT_EQ(weight.sizes().vec(), (std::vector<int64_t>{5, 48}));
  const torch::Tensor tokens = torch::randint(0, 19, {4, 6}, torch::kLong), sizes = lengths({6, 2, 3, 5});
  const torch::Tensor logits = model->classify(tokens, sizes);
  ASSERT_EQ(logits.size(0), 2);
  // With the rows of the other pair exchanged for others nothing changes.
  torch::Tensor changed = tokens.clone();
  changed[1] = 3, changed[3] = 4;
  const torch::Tensor again = model->classify(changed, sizes);
  EXPECT_LT(difference(again[0], logits[0]), 1e-5);
  EXPECT_GT(difference(again[1], logits[1]), 1e-3);
  // A document beside itself: no difference, and a square for a product.
  const torch::Tensor one = tokens.narrow(0, 0, 1);
  weight.narrow(1, 0, 36).zero_();
  EXPECT_LT(difference(model->classify(torch::cat({one, one}), lengths({6, 6})), torch::zeros({1, 5})), 1e-6);
}

// Without rotation attention that sees all knows no order, and one that looks back does.
TEST(Classifier, OnlyABidirectionalOneSeesWhatFollows) {
  const torch::NoGradGuard no_gradients;
  for (const bool both : {false, true}) {
    ModelConfig config = classifier(AttentionKind::tpa);
    config.bidirectional = both;
    config.partial_rotary_factor = 0;
    Transformer model = random_model(config, AttentionPath::sdpa);
    const torch::Tensor logits = model->classify(torch::tensor({{1, 2, 3, 0}, {3, 1, 2, 9}}), lengths({3, 3}));
    const double apart = difference(logits[0], logits[1]);
    EXPECT_EQ(apart < 1e-5, both) << apart;
  }
  ModelConfig config = classifier(AttentionKind::tpa);
  config.bidirectional = true;
  EXPECT_NE(error_of([&] { Transformer(config, AttentionPath::fused); }).find("by sdpa alone"), std::string::npos);
}

TEST(Classifier, HasItsOwnParametersAndGradients) {
  ModelConfig config = classifier(AttentionKind::tpa);
  config.tie_word_embeddings = false;
  Transformer model(config);
  initialize(model, 3);
  EXPECT_FALSE(model->named_parameters().contains("lm_head.weight"));
  const torch::Tensor tokens = torch::randint(0, 19, {2, 6}, torch::kLong);
  torch::cross_entropy_loss(model->classify(tokens, lengths({6, 4})), torch::tensor({1, 4})).backward();
  for (const auto& item : model->named_parameters()) EXPECT_TRUE(item.value().grad().defined()) << item.key();
  EXPECT_NE(error_of([&] { model->forward(tokens); }).find("has no output head"), std::string::npos);
  ModelConfig language = config;
  language.num_labels = 0;
  Transformer writer(language);
  EXPECT_NE(error_of([&] { writer->classify(tokens, lengths({6, 4})); }).find("has no classes"), std::string::npos);
}

}  // namespace
}  // namespace t6
