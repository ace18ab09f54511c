#include <gmock/gmock.h>

#include <cmath>

#include "t6/formats/model_files.h"
#include "t6/formats/run_files.h"
#include "t6/ops/threads.h"
#include "t6/train/trainer.h"
#include "tests/train/sample_run.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Of each document the label is whether an "a" or a "b" comes more often, which a mean shows.
std::string documents(int64_t count, uint64_t seed) {
  Random random(seed);
  std::string lines;
  for (int64_t i = 0; i < count; ++i) {
    std::string text;
    const int64_t length = 3 + static_cast<int64_t>(random.below(14));
    const bool more = random.below(2) == 0;
    for (int64_t j = 0; j < length; ++j) text += (random.below(4) != 0) == more ? 'a' : 'b';
    const auto count_of = [&](char c) { return std::ranges::count(text, c); };
    if (count_of('a') == count_of('b')) text += 'a';
    lines += Json({{"text", text}, {"label", count_of('a') > count_of('b') ? "a" : "b"}}).dump() + "\n";
  }
  return lines;
}

class ClassifierRun : public testing::Test {
 protected:
  ClassifierRun() {
    folder_.write("train.jsonl", documents(200, 1));
    folder_.write("val.jsonl", documents(60, 2));
    folder_.write("test.jsonl", documents(41, 3));
  }

  RunConfig config(const std::vector<Setting>& settings = {}) const {
    return load_run_config(folder_.write("task.toml", R"(
[model]
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 2
head_dim = 8
q_rank = 2
max_position_embeddings = 32
[task]
train = ")" + (folder_ / "train.jsonl").string() + R"("
validation = ")" + (folder_ / "val.jsonl").string() +
                                                          R"("
[optimizer]
learning_rate = 1e-2
[schedule]
warmup_steps = 5
[train]
steps = 40
batch_size = 8
context = 16
threads = 1
log_every = 1
evaluate_every = 10
checkpoint_every = 10
)"),
                           settings);
  }
  TrainSummary train(const std::string& name, const std::vector<Setting>& settings = {},
                     RunStart start = RunStart::fresh) const {
    return Trainer(config(settings), folder_ / name, start).run(cancel_, [](const TrainProgress&) {});
  }
  std::vector<std::string> numbers_of(const std::string& name) const {
    std::vector<std::string> lines;
    for (Json line : read_lines(folder_ / name / "metrics.jsonl")) {
      line.erase("seconds");
      line.erase("tokens_per_second");
      lines.push_back(line.dump());
    }
    return lines;
  }

  TemporaryFolder folder_;
  CancelToken cancel_;
};

TEST_F(ClassifierRun, LearnsAndSaysHowOftenItIsRight) {
  const TrainSummary summary = train("run", {{"task.test", (folder_ / "test.jsonl").string()}});
  ASSERT_TRUE(summary.validation);
  EXPECT_GT(summary.validation->accuracy, 0.9);
  EXPECT_NEAR(summary.validation->accuracy_error,
              std::sqrt(summary.validation->accuracy * (1 - summary.validation->accuracy) / 59), 1e-12);
  EXPECT_GT(summary.validation->test_accuracy, 0.9);
  EXPECT_EQ(summary.best->accuracy > 0.9, true);
  const auto lines = read_lines(folder_ / "run/metrics.jsonl");
  EXPECT_NEAR(lines.front()["loss"].get<double>(), std::log(2), 0.3);
  EXPECT_EQ(lines.back()["validation_accuracy"], summary.validation->accuracy);
  EXPECT_TRUE(lines.back().contains("test_accuracy"));
  EXPECT_FALSE(lines[10].contains("test_accuracy")) << "after the last step alone";
  const Json model = read_json(folder_ / "run/model/config.json");
  EXPECT_EQ(model["num_labels"], 2);
  EXPECT_EQ(model["vocab_size"], 256);
  EXPECT_EQ(model["architectures"][0], "T6ForSequenceClassification");
  EXPECT_EQ(read_json(folder_ / "run/model/classifier.json")["labels"], Json({"a", "b"}));
  const Json run = read_json(folder_ / "run/run.json");
  EXPECT_EQ(run["run"]["train_documents"], 200);
  EXPECT_EQ(run["run"]["test_documents"], 41);
  EXPECT_EQ(run["task"]["format"], "jsonl");
  EXPECT_TRUE(run["data"].empty());
}

TEST_F(ClassifierRun, AResumedRunHasTheSameBits) {
  train("whole");
  train("cut");
  for (const auto& entry : list_checkpoints(folder_ / "cut")) {
    if (entry.step > 20) fs::rename(entry.path, entry.path.string() + ".partial");
  }
  train("cut", {}, RunStart::resume);
  EXPECT_EQ(numbers_of("cut"), numbers_of("whole"));
  for (const char* file : {"model.safetensors", "trainer.safetensors", "classifier.json"}) {
    EXPECT_EQ(read_text(folder_ / "cut/model" / file), read_text(folder_ / "whole/model" / file)) << file;
  }
  remove_run(folder_ / "cut");
  EXPECT_FALSE(fs::exists(folder_ / "cut/checkpoints")) << "classifier.json is a run's own";
}

TEST_F(ClassifierRun, OtherDocumentsCannotResume) {
  train("run", {{"train.steps", "6"}});
  folder_.write("train.jsonl", documents(201, 1));
  EXPECT_THAT(error_of([&] {
                train("run", {{"train.steps", "6"}}, RunStart::resume);
              }),
              HasSubstr("task.train_documents was 200 and is now 201"));
}

TEST_F(ClassifierRun, CountsTokensWithoutPaddingAndCutsLongDocuments) {
  const std::vector<Setting> settings = {{"train.context", "8"}, {"train.steps", "25"}, {"task.tokenizer", "bytes"}};
  Trainer trainer(config(settings), folder_ / "run", RunStart::fresh);
  ASSERT_EQ(trainer.notes().size(), 2u);
  EXPECT_THAT(trainer.notes()[0], HasSubstr("of 200 training documents have more than 8 tokens; they end there"));
  const TrainSummary summary = trainer.run(cancel_, [](const TrainProgress&) {});
  EXPECT_LT(summary.tokens, 25 * 8 * 8);
  EXPECT_NEAR(static_cast<double>(summary.tokens), 25 * trainer.step_tokens(), 25 * trainer.step_tokens() / 10);
}

TEST_F(ClassifierRun, EveryFormOfClassifierLearns) {
  train("last", {{"task.pooling", "last"}});
  EXPECT_EQ(read_json(folder_ / "last/model/config.json")["label_pooling"], "last");
  const TrainSummary both = train("both", {{"task.bidirectional", "true"}, {"train.attention", "sdpa"}});
  EXPECT_GT(both.validation->accuracy, 0.9);
  std::string pairs;
  for (int i = 0; i < 200; ++i) {
    const std::string one = i % 2 ? "aaa" : "bbb", other = i / 2 % 2 ? "aaa" : "bbb";
    pairs += Json({{"text1", one}, {"text2", other}, {"label", one == other}}).dump() + "\n";
  }
  for (size_t at = 0; (at = pairs.find("true")) != std::string::npos;) pairs.replace(at, 4, "1");
  for (size_t at = 0; (at = pairs.find("false")) != std::string::npos;) pairs.replace(at, 5, "0");
  folder_.write("train.jsonl", pairs);
  folder_.write("val.jsonl", pairs);
  EXPECT_GT(train("pairs").validation->accuracy, 0.9);
}

TEST_F(ClassifierRun, BeginsWithALanguageModelOrAClassifier) {
  RunConfig language = sample_config(folder_);
  language.model = config().model;
  language.model.vocab_size = 257;
  Trainer(language, folder_ / "language", RunStart::fresh).run(cancel_, [](const TrainProgress&) {});
  for (const char* from : {"language", "first"}) {
    const ImportedModel model = read_given_model(torch_context(), folder_ / from);
    Trainer trainer(config({{"train.steps", "30"}}), folder_ / (from == std::string("first") ? "second" : "first"),
                    RunStart::fresh, GivenWeights{&model, from});
    EXPECT_GT(trainer.run(cancel_, [](const TrainProgress&) {}).validation->accuracy, 0.8) << from;
  }
  const auto second = read_lines(folder_ / "second/metrics.jsonl");
  EXPECT_LT(second.front()["loss"].get<double>(), 0.5) << "it knew already";
  const ImportedModel model = read_given_model(torch_context(), folder_ / "first");
  EXPECT_THAT(error_of([&] {
                Trainer(language, folder_ / "back", RunStart::fresh, GivenWeights{&model, "first"});
              }),
              HasSubstr("first: cannot begin with its weights"));
}

TEST_F(ClassifierRun, SettingsThatDoNotFitAreErrors) {
  const auto error = [&](const std::vector<Setting>& settings) { return error_of([&] { train("run", settings); }); };
  EXPECT_THAT(error({{"data.path", "data"}}), HasSubstr("a run has one of the two"));
  EXPECT_THAT(error({{"task.format", "csv"}}), HasSubstr("task: \"format\" is \"csv\"; wanted is one of jsonl"));
  EXPECT_THAT(error({{"task.pooling", "max"}}), HasSubstr("task: \"pooling\": \"max\" is not known"));
  EXPECT_THAT(error({{"task.words", "1"}}), HasSubstr("the key \"words\" is not known"));
  EXPECT_THAT(error({{"task.bidirectional", "true"}}), HasSubstr("needs attention = \"sdpa\" in [train]"));
  EXPECT_THAT(error({{"train.sample_every", "5"}}), HasSubstr("is for models that write"));
  EXPECT_THAT(error({{"task.train", ""}}), HasSubstr("task: \"train\" is missing"));
  EXPECT_THAT(error({{"model.vocab_size", "100"}}), HasSubstr("\"vocab_size\" is 100, but the documents in"));
  EXPECT_THAT(error({{"model.num_labels", "3"}}), HasSubstr("\"num_labels\" is 3, but the documents in"));
  EXPECT_THAT(error({{"task.classes", "2"}}), HasSubstr("train.jsonl:1: the label"));
  EXPECT_THAT(error({{"task.validation", "none.jsonl"}}), HasSubstr("none.jsonl"));
  EXPECT_FALSE(fs::exists(folder_ / "run/run.json"));
  EXPECT_THAT(error_of([&] {
                sample_config(folder_, {{"model.num_labels", "3"}});
              }),
              HasSubstr("a classifier learns from [task], not [data]"));
}

TEST_F(ClassifierRun, IsGoneOnWithFromItsFolder) {
  train("run", {{"train.steps", "6"}});
  const RunConfig again = load_run_config(folder_ / "run", {});
  EXPECT_EQ(to_json(again)["task"], read_json(folder_ / "run/run.json")["task"]);
  EXPECT_EQ(again.train.evaluate_windows, 0) << "all validation documents, unless the file says less";
  EXPECT_EQ(Trainer(again, folder_ / "run", RunStart::resume).step(), 6);
}

}  // namespace
}  // namespace t6
