#include "t6/train/trainer.h"

#include <gmock/gmock.h>

#include <csignal>

#include "tests/train/sample_run.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TrainerTest : public testing::Test {
 protected:
  void SetUp() override { Progress::set_quiet(true); }

  TrainSummary train(const std::string& name, const std::vector<Setting>& settings = {},
                     RunStart start = RunStart::fresh) const {
    return Trainer(sample_config(folder_, settings), folder_ / name, start).run(cancel_, [](const TrainProgress&) {});
  }
  std::string error_in(const std::string& name, const std::vector<Setting>& settings, RunStart start) const {
    return error_of([&] { train(name, settings, start); });
  }

  // Every number of the metrics that does not depend on time, in order.
  std::vector<std::string> numbers_of(const std::string& name) const {
    std::vector<std::string> lines;
    for (Json line : read_lines(folder_ / name / "metrics.jsonl")) {
      line.erase("seconds");
      line.erase("tokens_per_second");
      lines.push_back(line.dump());
    }
    return lines;
  }

  // The run as a kill would leave it after `step`: its newest checkpoints gone and half of another in their place.
  void kill_after(const std::string& name, int64_t step) const {
    for (const auto& entry : list_checkpoints(folder_ / name)) {
      if (entry.step > step) fs::rename(entry.path, entry.path.string() + ".partial");
    }
  }

  TemporaryFolder folder_;
};

TEST_F(TrainerTest, LearnsAndWritesTheRunFolder) {
  const TrainSummary summary = train("run");
  EXPECT_EQ(summary.end, TrainSummary::End::finished);
  EXPECT_EQ(summary.step, 40);
  EXPECT_EQ(summary.tokens, 40 * 4 * 16);
  const auto lines = read_lines(folder_ / "run/metrics.jsonl");
  ASSERT_EQ(lines.size(), 44u);
  EXPECT_NEAR(lines.front()["loss"].get<double>(), std::log(31), 0.6);
  ASSERT_TRUE(summary.validation);
  EXPECT_LT(summary.validation->loss, 2.0) << "the tokens count up seven times in eight";
  EXPECT_EQ(lines.back()["validation_loss"], summary.validation->loss);
  EXPECT_DOUBLE_EQ(*summary.validation->bits_per_byte, summary.validation->loss / std::log(2) / 2)
      << "two bytes per token";
  EXPECT_EQ(fs::read_symlink(folder_ / "run/model"), "checkpoints/step-00000040");
  EXPECT_EQ(list_checkpoints(folder_ / "run").size(), 2u);
  const Json run = read_json(folder_ / "run/run.json");
  EXPECT_EQ(run["train"]["steps"], 40);
  EXPECT_EQ(run["model"]["vocab_size"], 31);
  EXPECT_EQ(run["run"]["bytes_per_token"], 2.0);
}

TEST_F(TrainerTest, AResumedRunHasTheSameBits) {
  train("whole");
  train("cut");
  kill_after("cut", 30);
  train("cut", {}, RunStart::resume);
  EXPECT_EQ(numbers_of("cut"), numbers_of("whole"));
  for (const char* file : {"model.safetensors", "trainer.safetensors"}) {
    EXPECT_EQ(read_text(folder_ / "cut/model" / file), read_text(folder_ / "whole/model" / file)) << file;
  }
}

TEST_F(TrainerTest, CancellingSavesAndAResumeGoesOn) {
  train("whole");
  cancel_.cancel();
  const TrainSummary none = train("cut");
  EXPECT_EQ(none.end, TrainSummary::End::interrupted);
  EXPECT_EQ(none.step, 0);
  EXPECT_TRUE(list_checkpoints(folder_ / "cut").empty());
  cancel_.reset();
  const TrainSummary some = train("cut", {{"train.minutes", "1e-9"}}, RunStart::resume);
  EXPECT_EQ(some.end, TrainSummary::End::out_of_time);
  EXPECT_EQ(some.step, 1);
  EXPECT_EQ(list_checkpoints(folder_ / "cut").back().step, 1);
  EXPECT_EQ(train("cut", {}, RunStart::resume).step, 40);
  auto numbers = numbers_of("cut");
  numbers.erase(numbers.begin() + 1);  // the validation when time was out
  EXPECT_EQ(numbers, numbers_of("whole"));
}

TEST_F(TrainerTest, AFinishedRunResumesToNothing) {
  train("run");
  const auto numbers = numbers_of("run");
  EXPECT_EQ(train("run", {}, RunStart::resume).step, 40);
  EXPECT_EQ(numbers_of("run"), numbers);
}

TEST_F(TrainerTest, AccumulationIsABiggerBatch) {
  train("batch");
  train("accumulated", {{"train.batch_size", "2"}, {"train.gradient_accumulation", "2"}});
  const auto one = read_lines(folder_ / "batch/metrics.jsonl"), two = read_lines(folder_ / "accumulated/metrics.jsonl");
  EXPECT_EQ(one[0]["tokens"], two[0]["tokens"]);
  for (const size_t line : {0, 1, 5}) {
    EXPECT_NEAR(one[line]["loss"].get<double>(), two[line]["loss"].get<double>(), 1e-4);
    EXPECT_NEAR(one[line]["grad_norm"].get<double>(), two[line]["grad_norm"].get<double>(), 1e-4);
  }
}

TEST_F(TrainerTest, AFolderInUseIsNotOverwritten) {
  train("run");
  EXPECT_THAT(error_in("run", {}, RunStart::fresh), HasSubstr("run: this folder holds a run already"));
  EXPECT_EQ(train("run", {{"train.steps", "6"}}, RunStart::replace).step, 6);
  EXPECT_EQ(numbers_of("run").size(), 7u);
}

TEST_F(TrainerTest, AnotherConfigurationCannotResume) {
  train("run");
  const auto resume = [&](const char* key, const char* value) {
    return error_in("run", {{key, value}}, RunStart::resume);
  };
  EXPECT_THAT(resume("train.batch_size", "8"), HasSubstr("train.batch_size was 4 and is now 8"));
  EXPECT_THAT(resume("optimizer.beta2", "0.99"), HasSubstr("optimizer.beta2 was 0.95 and is now 0.99"));
  EXPECT_THAT(resume("model.num_attention_heads", "2"), HasSubstr("model.num_attention_heads was 3 and is now 2"));
  EXPECT_THAT(resume("train.steps", "50"), HasSubstr("train.steps was 40 and is now 50"));
  EXPECT_EQ(resume("train.log_every", "7"), "no error") << "what changes no number may change";
}

TEST_F(TrainerTest, DamagedCheckpointsAreNamed) {
  train("run");
  const fs::path checkpoint = list_checkpoints(folder_ / "run").back().path;
  fs::resize_file(checkpoint / "trainer.safetensors", 100);
  EXPECT_THAT(error_in("run", {}, RunStart::resume), HasSubstr("step-00000040/trainer.safetensors: not a safetensors"));
  write_text(checkpoint / "trainer.json", "{\"format\": 2}");
  EXPECT_THAT(error_in("run", {}, RunStart::resume), HasSubstr("trainer.json: \"format\" is 2"));
}

TEST_F(TrainerTest, ALossThatIsNotFiniteKeepsTheCheckpoints) {
  EXPECT_THAT(error_in("run",
                       {{"optimizer.learning_rate", "1000"},
                        {"optimizer.clip", "0"},
                        {"optimizer.weight_decay", "1000"},
                        {"train.checkpoint_every", "1"}},
                       RunStart::fresh),
              HasSubstr("optimizer.learning_rate or a longer schedule.warmup_steps may help. The last checkpoint is"));
  for (const auto& entry : list_checkpoints(folder_ / "run")) {
    EXPECT_GT(entry.step, 0);
    EXPECT_LT(entry.step, 40);
  }
}

TEST_F(TrainerTest, TheDataDecidesTheVocabulary) {
  EXPECT_THAT(error_in("run", {{"model.vocab_size", "30"}}, RunStart::fresh),
              HasSubstr("\"vocab_size\" is 30, but the data in"));
  const RunConfig wider = sample_config(folder_, {{"model.vocab_size", "40"}});
  EXPECT_EQ(Trainer(wider, folder_ / "wider", RunStart::fresh).config().model.vocab_size, 40);
  RunConfig preset = sample_config(folder_);
  preset.own_vocab = false;
  preset.model.vocab_size = 20;
  EXPECT_EQ(Trainer(preset, folder_ / "grown", RunStart::fresh).config().model.vocab_size, 31);
}

}  // namespace
}  // namespace t6
