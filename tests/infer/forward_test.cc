#include "t6/infer/forward.h"

#include <gmock/gmock.h>

#include <limits>

#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "tests/context.h"
#include "tests/infer/random_weights.h"
#include "tests/zoo.h"

namespace t6 {
namespace {

using ::testing::ElementsAreArray;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;
using ::testing::ThrowsMessage;

class Zoo : public ::testing::TestWithParam<ZooModel> {};

TEST_P(Zoo, DecodesTokenByTokenAsInOnePass) {
  const ModelConfig& config = GetParam().config;
  ForwardPass pass(test_context(), random_model(config));
  const auto ids = random_ids(config, 40);
  const auto whole = logits_in_pieces(pass, ids, {40});
  ASSERT_EQ(whole.size(), static_cast<size_t>(40 * config.vocab_size));
  // The same bits, as the kernels promise, where the order of contraction does not depend on how many queries come at
  // once: without head factors.
  const AttentionShape shape = attention_shape(config);
  const bool exact = shape.q.head == HeadFactor::grouped && shape.k.head == HeadFactor::grouped &&
                     shape.v.head == HeadFactor::grouped && !config.kv_shift;
  for (const auto& pieces : {std::vector<size_t>(40, 1), std::vector<size_t>{1, 17, 2, 20}}) {
    const auto logits = logits_in_pieces(pass, ids, pieces);
    EXPECT_THAT(logits, Pointwise(FloatNear(exact ? 0 : 1e-5f), whole));
  }
}

TEST_P(Zoo, CachesTheNumbersOfTable1) {
  const ModelConfig& config = GetParam().config;
  ForwardPass pass(test_context(), random_model(config));
  FactorCache cache(config);
  EXPECT_EQ(cache.numbers_per_token(), attention_shape(config).cache_numbers());
  EXPECT_EQ(cache.bytes(), 0);
  pass.run(random_ids(config, 3), cache, Logits::none);
  EXPECT_EQ(cache.bytes_per_token(), 4 * config.num_hidden_layers * cache.numbers_per_token());
  EXPECT_EQ(cache.bytes(), kPageTokens * cache.bytes_per_token());
}

TEST_P(Zoo, ReadsNothingOfTheCachePastItsEnd) {
  const ModelConfig& config = GetParam().config;
  ForwardPass pass(test_context(), random_model(config));
  const auto ids = random_ids(config, 12);
  FactorCache clean(config), dirty(config);
  pass.run(std::span(ids).first(9), clean, Logits::none);
  pass.run(std::span(ids).first(9), dirty, Logits::none);
  // Every byte of the pages that the 9 tokens do not take becomes 0xff: not a number in float32.
  std::vector<std::vector<std::byte>> filled;
  for (const PageGroup& group : dirty.groups()) filled.emplace_back(static_cast<size_t>(group.bytes), std::byte{0xff});
  for (int64_t i = 0; i < dirty.layer_count(); ++i) {
    const LayerStreams& layer = dirty.layer(i);
    for (const PagedStream* stream : {&layer.k.a, &layer.k.b, &layer.k.c, &layer.v.a, &layer.v.b, &layer.v.c}) {
      std::vector<float> factors(static_cast<size_t>(stream->vectors * stream->width));
      for (int64_t t = 0; stream->width > 0 && t < 9; ++t) {
        read_token(*stream, dirty.page(0, dirty.group_of(i)), t, factors.data());
        write_token(*stream, filled[dirty.group_of(i)].data(), t, factors.data());
      }
    }
  }
  for (size_t i = 0; i < filled.size(); ++i) std::copy(filled[i].begin(), filled[i].end(), dirty.page(0, i));
  const auto wanted = copy(pass.run(std::span(ids).subspan(9), clean, Logits::all));
  EXPECT_THAT(copy(pass.run(std::span(ids).subspan(9), dirty, Logits::all)), ElementsAreArray(wanted));
}

TEST_P(Zoo, MakesLogitsOfItsHiddenStates) {
  const ModelConfig& config = GetParam().config;
  const NamedFloats tensors = random_tensors(config);
  ForwardPass pass(test_context(), model_of(config, tensors));
  FactorCache one(config), two(config);
  const auto ids = random_ids(config, 12);
  const Step steps[] = {{std::span(ids).first(5), &one, Logits::all, true},
                        {std::span(ids).subspan(5), &two, Logits::all, true}};
  const std::vector<float> logits = copy(pass.run(steps).all);
  const auto& head = tensors.at(config.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight");
  const auto C = static_cast<size_t>(config.hidden_size), V = static_cast<size_t>(config.vocab_size);
  std::vector<float> hidden = copy(pass.hidden_states(0));
  const auto second = pass.hidden_states(1);
  hidden.insert(hidden.end(), second.begin(), second.end());
  ASSERT_EQ(hidden.size(), 12 * C);
  for (size_t t = 0; t < 12; ++t) {
    for (size_t v = 0; v < V; ++v) {
      double sum = 0;
      for (size_t c = 0; c < C; ++c) sum += static_cast<double>(hidden[t * C + c]) * head[v * C + c];
      EXPECT_NEAR(logits[t * V + v], sum, 1e-4);
    }
  }
  EXPECT_THAT([&] { pass.hidden_states(2); }, ThrowsMessage<Error>(HasSubstr("no step 2")));
  pass.run(ids, one, Logits::all);
  EXPECT_THAT([&] { pass.hidden_states(0); }, ThrowsMessage<Error>(HasSubstr("did not ask for hidden states")));
}

TEST_P(Zoo, GoesBackToAPrefix) {
  const ModelConfig& config = GetParam().config;
  ForwardPass pass(test_context(), random_model(config));
  const auto ids = random_ids(config, 12), other = random_ids(config, 12, 3);
  const auto wanted = logits_in_pieces(pass, ids, {12});
  FactorCache cache(config);
  pass.run(std::span(ids).first(5), cache, Logits::none);
  pass.run(other, cache, Logits::none);
  cache.truncate(5);
  const auto logits = pass.run(std::span(ids).subspan(5), cache, Logits::last);
  EXPECT_EQ(cache.size(), 12);
  EXPECT_THAT(copy(logits), ElementsAreArray(wanted.end() - config.vocab_size, wanted.end()));
}

INSTANTIATE_TEST_SUITE_P(Models, Zoo, ::testing::ValuesIn(zoo()), [](const auto& test) { return zoo_name(test); });

TEST(ForwardPass, DoesNotDependOnTheThreads) {
  ModelConfig config = zoo().front().config;
  config.hidden_size = 256;
  config.vocab_size = 999;
  config.attention_kind = AttentionKind::tpa;
  config.max_position_embeddings = 256;
  Context context(1);
  ForwardPass pass(context, random_model(config));
  const auto ids = random_ids(config, 200);
  const auto wanted = logits_in_pieces(pass, ids, {150, 49, 1});
  for (const int threads : {2, 3}) {
    context.set_threads(Threads(threads));
    EXPECT_THAT(logits_in_pieces(pass, ids, {150, 49, 1}), ElementsAreArray(wanted)) << threads;
  }
}

TEST(ForwardPass, RefusesWhatDoesNotFitAndChangesNothing) {
  const ModelConfig config = zoo().front().config;
  ForwardPass pass(test_context(), random_model(config));
  FactorCache cache(config, {.limit = 10});
  const auto run = [&](std::vector<int32_t> ids) { pass.run(ids, cache, Logits::last); };
  run({1, 2, 3});
  EXPECT_THAT([&] { run({}); }, ThrowsMessage<Error>(HasSubstr("at least one token")));
  EXPECT_THAT([&] { run({4, 37}); }, ThrowsMessage<Error>(HasSubstr("token id 37 is outside")));
  EXPECT_THAT([&] { run({-1}); }, ThrowsMessage<Error>(HasSubstr("token id -1 is outside")));
  EXPECT_THAT([&] { run(std::vector<int32_t>(8, 1)); }, ThrowsMessage<Error>(HasSubstr("the context is full")));
  EXPECT_EQ(cache.size(), 3);
  run(std::vector<int32_t>(7, 1));
  EXPECT_EQ(cache.size(), 10);

  ModelConfig other = config;
  other.head_dim = 8;  // as many numbers per token, but keys and values of other sizes
  other.v_head_dim = 12;
  FactorCache foreign(other);
  EXPECT_THAT([&] { pass.run(std::vector<int32_t>{1}, foreign, Logits::last); },
              ThrowsMessage<Error>(HasSubstr("another model")));
}

TEST(FactorCache, ChecksItsLimits) {
  const ModelConfig config = zoo().front().config;
  EXPECT_EQ(FactorCache(config).limit(), 64);
  EXPECT_THROW(FactorCache(config, {.limit = 65}), Error);
  EXPECT_THROW(FactorCache(config, {.limit = -1}), Error);
  FactorCache cache(config);
  cache.reserve(5);
  cache.advance(5);
  EXPECT_THROW(cache.truncate(6), Error);
  EXPECT_THROW(cache.truncate(-1), Error);
  EXPECT_GT(cache.bytes(), 0);
  cache.clear();
  EXPECT_EQ(cache.bytes(), 0);
  EXPECT_EQ(cache.size(), 0);
}

}  // namespace
}  // namespace t6
