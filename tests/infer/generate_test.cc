#include "t6/infer/generate.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/infer/engine/stop_strings.h"
#include "t6/infer/forward.h"
#include "tests/context.h"
#include "tests/infer/model_folder.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

LoadedModel loaded_model() { return {{}, random_model(byte_config()), byte_tokenizer()}; }

Generated generate_text(const LoadedModel& loaded, std::string_view prompt, const GenerateOptions& options) {
  std::string shown;
  const Generated result =
      generate(test_context(), loaded, prompt, options, [&](std::string_view piece) { shown += piece; });
  EXPECT_EQ(shown, result.text);
  return result;
}

TEST(Generate, IsGreedilyWhatTheForwardPassSays) {
  const LoadedModel loaded = loaded_model();
  GenerateOptions options = {.max_tokens = 12};
  options.sampler.temperature = 0;
  const Generated result = generate_text(loaded, "The cat", options);

  // Each token from a pass over all before it.
  std::vector<int32_t> ids = loaded.tokenizer->encode("The cat");
  const size_t prompt = ids.size();
  ForwardPass pass(test_context(), loaded.model);
  Sampler greedy({.temperature = 0});
  for (int i = 0; i < 12; ++i) {
    FactorCache cache(loaded.config());
    ids.push_back(greedy.sample(pass.run(ids, cache, Logits::last)));
  }
  EXPECT_EQ(result.text, loaded.tokenizer->decode(std::span(ids).subspan(prompt), true));
  EXPECT_EQ(result.reason, StopReason::max_tokens);
  EXPECT_EQ(result.prompt_tokens, 7);
  EXPECT_EQ(result.tokens, 12);
  EXPECT_EQ(result.decode_steps, 11);
  EXPECT_EQ(result.cache_bytes_per_token, 2 * 4 * attention_shape(loaded.config()).cache_numbers());
  EXPECT_GE(result.cache_bytes, 18 * result.cache_bytes_per_token);
}

TEST(Generate, EndsWhereTheContextDoes) {
  const LoadedModel loaded = loaded_model();
  GenerateOptions options = {.max_tokens = 1000};
  Generated result = generate_text(loaded, std::string(40, 'a'), options);
  EXPECT_EQ(result.reason, StopReason::context_full);
  EXPECT_EQ(result.tokens, 9);  // 40 + 8 are in the cache, one more is predicted from them
  result = generate_text(loaded, std::string(48, 'a'), options);
  EXPECT_EQ(result.tokens, 1);
  EXPECT_THAT([&] { generate_text(loaded, std::string(49, 'a'), options); },
              ThrowsMessage<Error>(HasSubstr("the prompt has 49 tokens")));
}

TEST(Generate, EndsAtAStopStringAndLeavesItOut) {
  const LoadedModel loaded = loaded_model();
  GenerateOptions options = {.max_tokens = 30};
  const std::string whole = generate_text(loaded, "x", options).text;
  ASSERT_GE(whole.size(), 12u);
  options.stop = {"never there", whole.substr(8, 3)};
  const size_t end = whole.find(options.stop[1]);
  const Generated result = generate_text(loaded, "x", options);
  EXPECT_EQ(result.reason, StopReason::stop_string);
  EXPECT_EQ(result.text, whole.substr(0, end));
  EXPECT_LT(result.tokens, 30);
}

TEST(Generate, EndsAtEndOfText) {
  ModelConfig config = byte_config();
  config.tie_word_embeddings = false;
  auto tensors = random_tensors(config);
  auto& head = tensors["lm_head.weight"];
  const auto logits_after_x = [&] {
    ForwardPass pass(test_context(),
                     std::make_shared<const Model>(test_context(), config, Weights(config, tensors, "test")));
    FactorCache cache(config);
    const auto logits = pass.run(std::vector<int32_t>{'x'}, cache, Logits::last);
    return std::vector<float>(logits.begin(), logits.end());
  };
  // A head that looks at one number of the state, first to learn its sign, then to make end-of-text the likeliest.
  std::fill(head.begin(), head.end(), 0.0f);
  head[0] = 1;
  const float state = logits_after_x()[0];
  head[0] = 0;
  head[256 * 24] = state > 0 ? 1.0f : -1.0f;
  ASSERT_GT(logits_after_x()[256], 0);

  const LoadedModel loaded = {
      {}, std::make_shared<const Model>(test_context(), config, Weights(config, tensors, "test")), byte_tokenizer()};
  GenerateOptions options;
  options.sampler.temperature = 0;
  const Generated result = generate_text(loaded, "x", options);
  EXPECT_EQ(result.reason, StopReason::end_of_text);
  EXPECT_EQ(result.text, "");
  EXPECT_EQ(result.tokens, 0);
}

TEST(Generate, StopsWhenCancelled) {
  const LoadedModel loaded = loaded_model();
  CancelToken cancel;
  std::string shown;
  const Generated result =
      generate(test_context(), loaded, "x", {.max_tokens = 40, .cancel = &cancel}, [&](std::string_view piece) {
        shown += piece;
        if (shown.size() >= 5) cancel.cancel();
      });
  EXPECT_EQ(result.reason, StopReason::interrupted);
  EXPECT_GE(result.text.size(), 5u);
  EXPECT_LT(result.tokens, 40);
}

TEST(Generate, RefusesBadInput) {
  const LoadedModel loaded = loaded_model();
  EXPECT_THAT([&] { generate_text(loaded, "", {}); }, ThrowsMessage<Error>(HasSubstr("the prompt is empty")));
  EXPECT_THROW(generate_text(loaded, "x", {.max_tokens = 0}), Error);
  EXPECT_THROW(generate_text(loaded, "x", {.stop = {""}}), Error);
}

TEST(StopStrings, HoldsBackWhatMayBeABeginning) {
  StopStrings stop({"END", "Done."});
  EXPECT_EQ(stop.push("The E"), "The ");
  EXPECT_EQ(stop.push("N"), "");
  EXPECT_EQ(stop.push("ter EEN"), "ENter E");
  EXPECT_EQ(stop.push("D and more"), "");
  EXPECT_TRUE(stop.found());
  EXPECT_EQ(stop.push("more"), "");
  EXPECT_EQ(stop.finish(), "");
}

TEST(StopStrings, SeesWhatIsNotShown) {
  StopStrings stop({"a<|end|>", "<|x|>!"});
  EXPECT_EQ(stop.push("a"), "");
  EXPECT_EQ(stop.push("<|x|>", /*shown=*/false), "a");
  EXPECT_EQ(stop.push("b"), "b");
  EXPECT_EQ(stop.push("ca"), "c");
  EXPECT_EQ(stop.push("<|end|>", /*shown=*/false), "");
  EXPECT_TRUE(stop.found());
  EXPECT_EQ(stop.finish(), "");
}

TEST(StopStrings, TakesTheFirstOfSeveralAndGivesBackTheRest) {
  StopStrings stop({"bc", "ab"});
  EXPECT_EQ(stop.push("xabc"), "x");
  EXPECT_TRUE(stop.found());
  StopStrings open({"<|end|>"});
  EXPECT_EQ(open.push("text<|e"), "text");
  EXPECT_EQ(open.finish(), "<|e");
  EXPECT_FALSE(open.found());
  StopStrings none({});
  EXPECT_EQ(none.push("all"), "all");
}

}  // namespace
}  // namespace t6
