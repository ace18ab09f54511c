#include "t6/eval/perplexity.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "t6/core/error.h"
#include "t6/infer/forward.h"
#include "tests/context.h"
#include "tests/infer/model_folder.h"

namespace t6 {
namespace {

void no_progress(int64_t, int64_t) {}

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

LoadedModel model_of_length(int64_t positions) {
  ModelConfig config = byte_config();
  config.max_position_embeddings = positions;
  return {{}, random_model(config), byte_tokenizer()};
}

// -log p of ids[target] after the tokens from ids[first] on, in double precision and one pass.
double nats(ForwardPass& pass, std::span<const int32_t> ids, size_t first, size_t target) {
  FactorCache cache(pass.model().config());
  const auto logits = pass.run(ids.subspan(first, target - first), cache, Logits::last);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  return std::log(sum) - logits[static_cast<size_t>(ids[target])];
}

// The definition: windows begin at multiples of the stride; the first that reaches a token predicts it.
double nats_by_definition(const LoadedModel& loaded, std::span<const int32_t> ids, size_t context, size_t stride) {
  ForwardPass pass(test_context(), loaded.model);
  double sum = 0;
  for (size_t target = 1; target < ids.size(); ++target) {
    size_t first = 0;
    while (target > first + context) first += stride;
    EXPECT_GE(target - first, std::min(target, context - stride + 1));
    sum += nats(pass, ids, first, target);
  }
  return sum;
}

TEST(Perplexity, PredictsEachTokenOnceFromItsWindow) {
  const LoadedModel loaded = model_of_length(48);
  const auto ids = random_ids(loaded.config(), 60);
  struct Size {
    size_t context, stride;
  };
  for (const auto [context, stride] : {Size{8, 8}, Size{8, 3}, Size{8, 1}, Size{1, 1}, Size{48, 20}}) {
    const Perplexity result = perplexity(test_context(), loaded, ids,
                                         {static_cast<int64_t>(context), static_cast<int64_t>(stride)}, no_progress);
    EXPECT_EQ(result.tokens, 59);
    EXPECT_NEAR(result.nats, nats_by_definition(loaded, ids, context, stride), 1e-3) << context << " " << stride;
  }
}

TEST(Perplexity, LossesByTokensBeforeAddUp) {
  const LoadedModel loaded = model_of_length(48);
  const auto ids = random_ids(loaded.config(), 60);
  const Perplexity result = perplexity(test_context(), loaded, ids, {.context = 10, .stride = 10}, no_progress);
  ASSERT_EQ(result.by_position.size(), 4u);
  double nats_in_all = 0;
  const int64_t counts[] = {6, 12, 24, 17};  // five windows of ten, and one of nine
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(result.by_position[i].begin, 1 << i);
    EXPECT_EQ(result.by_position[i].tokens, counts[i]);
    nats_in_all += result.by_position[i].nats;
  }
  EXPECT_NEAR(nats_in_all, result.nats, 1e-9);
  ForwardPass pass(test_context(), loaded.model);
  double first = 0;
  for (size_t begin = 0; begin < 60; begin += 10) first += nats(pass, ids, begin, begin + 1);
  EXPECT_NEAR(result.by_position[0].nats, first, 1e-4);
  // With a stride most tokens are predicted from most of a window.
  const Perplexity far = perplexity(test_context(), loaded, ids, {.context = 10, .stride = 2}, no_progress);
  EXPECT_EQ(far.by_position[0].tokens, 1);
  EXPECT_EQ(far.by_position[3].tokens, 52);
}

TEST(Perplexity, RunsLongWindowsInPieces) {
  const LoadedModel loaded = model_of_length(700);
  const auto ids = random_ids(loaded.config(), 720);
  const Perplexity result = perplexity(test_context(), loaded, ids, {.context = 600, .stride = 100}, no_progress);
  EXPECT_EQ(result.tokens, 719);
  EXPECT_NEAR(result.nats, nats_by_definition(loaded, ids, 600, 100), 2e-2);
}

TEST(Perplexity, WindowsMayBeLongerThanTheModelsContext) {
  const LoadedModel loaded = model_of_length(48), longer = model_of_length(200);
  const auto ids = random_ids(loaded.config(), 150);
  const PerplexityOptions options = {.context = 120, .stride = 60};
  EXPECT_EQ(perplexity(test_context(), loaded, ids, options, no_progress).nats,
            perplexity(test_context(), longer, ids, options, no_progress).nats);
}

TEST(Perplexity, TakesACacheOfAnyType) {
  const LoadedModel loaded = model_of_length(48);
  const auto ids = random_ids(loaded.config(), 60);
  const double exact = perplexity(test_context(), loaded, ids, {}, no_progress).loss(),
               int4 = perplexity(test_context(), loaded, ids, {.cache_type = NumberType::i4}, no_progress).loss();
  EXPECT_NE(int4, exact);
  EXPECT_NEAR(int4, exact, 0.05);
}

TEST(Perplexity, TellsItsFiguresFromOneSum) {
  const LoadedModel loaded = model_of_length(48);
  const auto ids = loaded.tokenizer->encode("some text<|endoftext|>more");
  const Perplexity result = perplexity(test_context(), loaded, ids, {}, no_progress);
  EXPECT_EQ(result.context, 48);
  EXPECT_EQ(result.stride, 24);
  EXPECT_EQ(result.tokens, 13);
  EXPECT_EQ(result.bytes, 12);  // end-of-text is predicted and is no byte
  EXPECT_DOUBLE_EQ(result.loss(), result.nats / 13);
  EXPECT_DOUBLE_EQ(result.perplexity(), std::exp(result.nats / 13));
  EXPECT_DOUBLE_EQ(result.bits_per_byte(), result.nats / std::numbers::ln2 / 12);
}

TEST(Perplexity, RefusesWhatItCannotMeasure) {
  const LoadedModel loaded = model_of_length(48);
  const std::vector<int32_t> ids = {1, 2, 3};
  const auto message = [&](std::vector<int32_t> tokens, PerplexityOptions options, const char* text) {
    EXPECT_THAT([&] { perplexity(test_context(), loaded, tokens, options, no_progress); },
                ThrowsMessage<Error>(HasSubstr(text)));
  };
  message({1}, {}, "a text of 1 tokens is too short");
  message({}, {}, "a text of 0 tokens is too short");
  message({1, 257}, {}, "token id 257 is outside");
  message({1, -1}, {}, "token id -1 is outside");
  message({65, 256}, {}, "no text");
  message(ids, {.context = -1}, "the context must be 1 or more, not -1");
  message(ids, {.context = 8, .stride = 9}, "the stride must be from 1 to the context of 8");
  message(ids, {.context = 8, .stride = -2}, "the stride must be");
}

}  // namespace
}  // namespace t6
