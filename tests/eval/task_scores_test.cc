#include "t6/eval/task_scores.h"

#include <gmock/gmock.h>

#include <cmath>

#include "t6/eval/tasks/encode.h"
#include "t6/numbers/cache_type.h"
#include "tests/context.h"
#include "tests/error_of.h"
#include "tests/infer/model_folder.h"

namespace t6 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

LoadedModel loaded_model(ModelConfig config) { return {{}, random_model(config), byte_tokenizer()}; }

ModelConfig long_config() {
  ModelConfig config = byte_config();
  config.max_position_embeddings = 200;
  return config;
}

// Layers that give pages back: what is cut off a cache cannot be gone back to.
ModelConfig windowed_config() {
  ModelConfig config = long_config();
  config.sliding_window = 5;
  config.layer_types = {LayerType::sliding, LayerType::full};
  return config;
}

EvalDocument document(std::vector<std::string> contexts, std::vector<std::string> texts, int64_t answer = 0) {
  const size_t count = std::max(contexts.size(), texts.size());
  EvalDocument result{std::move(contexts), std::move(texts), {}, answer, 0};
  for (size_t i = 0; i < count; ++i) result.lengths.push_back(std::ssize(result.text(i)));
  return result;
}

EvalTask mixed_task() {
  EvalTask task{.name = "mixed", .groups = {""}, .documents = {}, .notes = {}};
  const std::string long_beginning(90, 'x');
  task.documents = {
      document({long_beginning + " one two"}, {" a", " b", " c"}),           // answers of few tokens
      document({long_beginning + " one"}, {" and three", " and four", ""}),  // that begin alike
      document({long_beginning + "A", long_beginning + "Be"}, {" is it", " is it"}, 1),
      document({long_beginning + " one two"}, {"  spaces  ", " x"}),
      document({long_beginning + "q"}, {std::string(60, 'y'), "y"}),
  };
  task.documents[1].texts[2] = " and three and more";
  return task;
}

EvalTask short_task() {
  EvalTask task = mixed_task();
  for (EvalDocument& each : task.documents) {
    for (std::string& context : each.contexts) context.erase(0, 90);
  }
  task.documents.push_back(document({""}, {"a", "b"}));
  task.documents.push_back(document({"p", "q"}, {" r"}));
  return task;
}

// The definition, by one pass for each choice.
ChoiceScore score_alone(ForwardPass& pass, const EncodedText& text) {
  FactorCache cache(pass.model().config());
  const auto V = static_cast<size_t>(pass.model().config().vocab_size);
  const auto logits = pass.run(text.inputs, cache, Logits::all);
  ChoiceScore score;
  for (size_t i = 0; i < text.targets.size(); ++i) {
    const auto row = logits.subspan((text.first_wanted() + i) * V, V);
    double sum = 0;
    for (const float each : row) sum += std::exp(double{each});
    const auto target = static_cast<size_t>(text.targets[i]);
    score.log_likelihood += row[target] - std::log(sum);
    for (const float each : row) score.greedy &= each <= row[target];
    ++score.tokens;
  }
  return score;
}

void expect_definition(const LoadedModel& loaded, const EvalTask& task) {
  ForwardPass pass(test_context(), loaded.model);
  size_t next = 0;
  score_task(test_context(), loaded, task, {}, [&](size_t index, const DocumentScore& score) {
    EXPECT_EQ(index, next++);
    const EvalDocument& document = task.documents[index];
    ASSERT_EQ(score.choices.size(), document.count());
    for (size_t i = 0; i < document.count(); ++i) {
      const ChoiceScore wanted = score_alone(pass, encode_text(loaded, document.context(i), document.text(i)));
      EXPECT_NEAR(score.choices[i].log_likelihood, wanted.log_likelihood, 1e-3) << index << " " << i;
      EXPECT_EQ(score.choices[i].greedy, wanted.greedy) << index << " " << i;
      EXPECT_EQ(score.choices[i].tokens, wanted.tokens) << index << " " << i;
    }
  });
  EXPECT_EQ(next, task.documents.size());
}

TEST(TaskScores, AreThoseOfEachTextAlone) {
  for (const ModelConfig& config : {long_config(), windowed_config()}) {
    expect_definition(loaded_model(config), mixed_task());
    expect_definition(loaded_model(config), short_task());
  }
}

TEST(TaskScores, DoNotDependOnWhatIsReadBeside) {
  const LoadedModel loaded = loaded_model(long_config());
  EvalTask many = short_task();
  for (int i = 0; i < 5; ++i) {
    const std::vector<EvalDocument> more = many.documents;
    many.documents.insert(many.documents.end(), more.begin(), more.end());
  }
  std::vector<double> first;
  const size_t count = short_task().documents.size();
  score_task(test_context(), loaded, many, {}, [&](size_t index, const DocumentScore& score) {
    if (index < count) {
      first.push_back(score.choices[0].log_likelihood);
    } else {
      EXPECT_DOUBLE_EQ(score.choices[0].log_likelihood, first[index % count]) << index;
    }
  });
}

TEST(TaskScores, SmallerCachesCostLittle) {
  const LoadedModel loaded = loaded_model(long_config());
  std::vector<double> exact;
  for (const CacheType& type : kCacheTypes) {
    size_t next = 0;
    score_task(test_context(), loaded, short_task(), {.cache_type = type.type},
               [&](size_t, const DocumentScore& score) {
                 if (type.type == NumberType::f32) exact.push_back(score.choices[0].log_likelihood);
                 EXPECT_NEAR(score.choices[0].log_likelihood, exact[next++], 3) << type.name;
               });
  }
}

TEST(TaskScores, CancellingGivesWhatWasScored) {
  const LoadedModel loaded = loaded_model(long_config());
  EvalTask task = short_task();
  task.documents.resize(1);
  for (int i = 0; i < 9; ++i) task.documents.insert(task.documents.end(), 20, task.documents[0]);
  CancelToken cancel;
  int64_t taken = 0;
  const TaskResult result =
      score_task(test_context(), loaded, task, {.cancel = &cancel}, [&](size_t, const DocumentScore&) {
        ++taken;
        cancel.cancel();
      });
  EXPECT_EQ(result.all.documents, taken);
  EXPECT_GT(taken, 0);
  EXPECT_LT(taken, std::ssize(task.documents));
  const TaskResult none = score_task(test_context(), loaded, task, {.cancel = &cancel}, [](size_t, const auto&) {});
  EXPECT_EQ(none.all.documents, 0);
}

TEST(TaskScores, WhatDoesNotFitLosesItsBeginning) {
  const LoadedModel loaded = loaded_model(byte_config());  // 48 positions
  EvalTask task = mixed_task();
  task.documents.resize(4);
  expect_definition(loaded, task);
  const TaskResult result =
      score_task(test_context(), loaded, task, {}, [](size_t, const DocumentScore& score) { EXPECT_TRUE(score.cut); });
  EXPECT_EQ(result.cut, 4);
}

TEST(TaskScores, ErrorsNameTheDocument) {
  const LoadedModel loaded = loaded_model(byte_config());
  const auto error = [&](EvalDocument broken) {
    EvalTask task = short_task();
    task.documents.insert(task.documents.begin() + 1, std::move(broken));
    return error_of([&] { score_task(test_context(), loaded, task, {}, [](size_t, const auto&) {}); });
  };
  EXPECT_THAT(error(document({"a"}, {""})), AllOf(HasSubstr("mixed, document 2"), HasSubstr("adds no token")));
  EXPECT_THAT(error(document({"a"}, {std::string(49, 'b')})), HasSubstr("does not fit into the model's context of 48"));
}

std::vector<int32_t> bytes(std::string_view text) { return byte_tokenizer()->encode(text); }

TEST(EncodeText, SpaceAtTheContextsEndIsTheTexts) {
  const EncodedText text = encode_text(loaded_model(byte_config()), "ab \n", "c");
  EXPECT_EQ(text.inputs, bytes("ab \n"));
  EXPECT_EQ(text.targets, bytes(" \nc"));
  EXPECT_EQ(text.first_wanted(), 1u);
}

TEST(EncodeText, EmptyContextIsTheTokenThatTextsBeginWith) {
  LoadedModel loaded = loaded_model(byte_config());
  EXPECT_THAT(encode_text(loaded, "", "c").inputs, ElementsAre(256));  // it ends them, too
  EXPECT_EQ(encode_text(loaded, " ", "c").targets, bytes(" c"));
  loaded.text.bos_token = "a";
  EXPECT_EQ(encode_text(loaded, "", "c").inputs, bytes("a"));
  // A text that begins with it has it already.
  EXPECT_EQ(encode_text(loaded, "", "ac").targets, bytes("c"));
}

TEST(EncodeText, IsAsLongAsTheModelsContext) {
  const LoadedModel loaded = loaded_model(byte_config());
  const EncodedText whole = encode_text(loaded, std::string(46, 'a'), "bcd");
  EXPECT_FALSE(whole.cut);
  EXPECT_EQ(whole.inputs.size(), 48u);
  const EncodedText cut = encode_text(loaded, "x" + std::string(46, 'a'), "bcd");
  EXPECT_TRUE(cut.cut);
  EXPECT_EQ(cut.inputs, whole.inputs);
  EXPECT_EQ(encode_text(loaded, "a", std::string(48, 'b')).first_wanted(), 0u);
}

}  // namespace
}  // namespace t6
