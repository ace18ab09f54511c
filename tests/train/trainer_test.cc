#include "t6/train/trainer.h"

#include <gmock/gmock.h>

#include <cmath>

#include "t6/formats/run_files.h"
#include "t6/ops/threads.h"
#include "tests/ops/composites_on.h"
#include "tests/train/sample_run.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TrainerTest : public testing::Test {
 protected:
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
  RunConfig config_ = sample_config(folder_);  // makes the data
  CancelToken cancel_;
  int count_ = 0;
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
  EXPECT_DOUBLE_EQ(summary.validation->bits_per_byte, summary.validation->loss / std::log(2) / 2)
      << "two bytes a token";
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

TEST_F(TrainerTest, ABfloat16RunIsNearAFloat32OneAndResumesToTheSameBits) {
  const std::vector<Setting> narrow = {{"train.dtype", "bfloat16"}};
  const double wide_loss = train("float32").validation->loss;
  const TrainSummary whole = train("whole", narrow);
  EXPECT_NEAR(whole.validation->loss, wide_loss, 0.05);
  EXPECT_NE(whole.validation->loss, wide_loss);
  EXPECT_EQ(read_json(folder_ / "whole/run.json")["train"]["dtype"], "bfloat16");
  train("cut", narrow);
  kill_after("cut", 30);
  EXPECT_THAT(error_in("cut", {}, RunStart::resume), HasSubstr("train.dtype was \"bfloat16\" and is now \"float32\""));
  train("cut", {{"train.dtype", "bfloat16"}, {"train.recompute", "layer"}}, RunStart::resume);
  EXPECT_EQ(numbers_of("cut"), numbers_of("whole")) << "what is computed again has the same bits";
}

TEST_F(TrainerTest, TheOperatorsOfAGpuGiveTheLossesOfTheKernels) {
  for (const auto& [name, type, most] : {std::tuple{"wide", "float32", 1e-4}, {"narrow", "bfloat16", 0.05}}) {
    const std::vector<Setting> settings = {{"train.dtype", type}, {"train.gradient_accumulation", "2"}};
    const std::string kernels = std::string(name) + "-kernels", composed = std::string(name) + "-composed";
    train(kernels, settings);
    {
      const CompositesOn composites = CompositesOn::cpu();
      train(composed, settings);
    }
    const auto wanted = read_lines(folder_ / kernels / "metrics.jsonl");
    const auto found = read_lines(folder_ / composed / "metrics.jsonl");
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      const char* key = wanted[i].contains("loss") ? "loss" : "validation_loss";
      EXPECT_NEAR(found[i][key].get<double>(), wanted[i][key].get<double>(), most) << type << ", line " << i;
    }
  }
}

TEST_F(TrainerTest, ADeviceThatIsNotThereIsAnErrorBeforeAnythingIsWritten) {
  EXPECT_THAT(error_in("run", {{"train.device", "cuda:127"}}, RunStart::fresh),
              HasSubstr("train: \"device\" is \"cuda:127\", and"));
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(TrainerTest, ARunGoesOnOnAnotherDevice) {
  train("run", {{"train.steps", "20"}});
  Json run = read_json(folder_ / "run/run.json");
  EXPECT_EQ(run["train"]["device"], "cpu");
  run["train"]["device"] = "cuda";  // as if it had begun there
  write_json(folder_ / "run/run.json", run);
  for (const auto& entry : list_checkpoints(folder_ / "run")) {
    const Json state = read_json(entry.path / "trainer.json");
    EXPECT_FALSE(state["configuration"]["train"].contains("device"));
  }
  kill_after("run", 10);
  EXPECT_EQ(train("run", {{"train.steps", "20"}, {"train.device", "cpu"}}, RunStart::resume).step, 20);
}

TEST_F(TrainerTest, ACheckpointThatNamesNoTypeIsOfFloat32) {
  train("run", {{"train.steps", "20"}});
  for (const auto& entry : list_checkpoints(folder_ / "run")) {
    Json state = read_json(entry.path / "trainer.json");
    state["configuration"]["train"].erase("dtype");
    write_json(entry.path / "trainer.json", state);
  }
  EXPECT_THAT(error_in("run", {{"train.steps", "20"}, {"train.dtype", "bfloat16"}}, RunStart::resume),
              HasSubstr("train.dtype was \"float32\""));
  EXPECT_EQ(train("run", {{"train.steps", "20"}}, RunStart::resume).step, 20);
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

TEST_F(TrainerTest, ADamagedCheckpointGivesWayToTheOneBefore) {
  train("whole");
  for (const char* file : {"trainer.json", "model.safetensors", "trainer.safetensors", "config.json"}) {
    SCOPED_TRACE(file);
    train("run", {}, RunStart::fresh);
    const fs::path newest = list_checkpoints(folder_ / "run").back().path;
    if (file == std::string("config.json")) {
      fs::remove(newest / file);
    } else {
      write_text(newest / file, read_text(newest / file).substr(0, 100));
    }
    {
      const Trainer trainer(sample_config(folder_), folder_ / "run", RunStart::resume);
      EXPECT_EQ(trainer.step(), 30);
      ASSERT_EQ(trainer.notes().size(), 1u);
      EXPECT_THAT(trainer.notes()[0], HasSubstr(std::string("step-00000040/") + file));
      EXPECT_THAT(trainer.notes()[0], HasSubstr("kept as step-00000040.damaged"));
      EXPECT_EQ(fs::read_symlink(folder_ / "run/model"), "checkpoints/step-00000030");
    }
    EXPECT_TRUE(fs::exists(folder_ / "run/checkpoints/step-00000040.damaged"));
    EXPECT_EQ(train("run", {}, RunStart::resume).step, 40);
    EXPECT_EQ(numbers_of("run"), numbers_of("whole"));
    remove_run(folder_ / "run");
    EXPECT_FALSE(fs::exists(folder_ / "run/checkpoints"));
    fs::remove_all(folder_ / "run");
  }
}

TEST_F(TrainerTest, WithNoCheckpointThatCanBeReadNothingIsTouched) {
  train("run");
  for (const auto& entry : list_checkpoints(folder_ / "run"))
    write_text(entry.path / "trainer.json", "{\"format\": 2}");
  EXPECT_THAT(error_in("run", {}, RunStart::resume), HasSubstr("step-00000040/trainer.json: \"format\" is 2"));
  EXPECT_EQ(list_checkpoints(folder_ / "run").size(), 2u);
}

TEST_F(TrainerTest, KeepsTheBestCheckpointBesideTheNewest) {
  // A rate so large that the loss is lowest in the middle.
  const TrainSummary summary = train("run", {{"optimizer.learning_rate", "0.3"}, {"train.evaluate_every", "3"}});
  ASSERT_TRUE(summary.best);
  double lowest = 1e9;
  for (const Json& line : read_lines(folder_ / "run/metrics.jsonl")) {
    if (line.contains("validation_loss")) lowest = std::min(lowest, line["validation_loss"].get<double>());
  }
  EXPECT_EQ(summary.best->loss, lowest);
  const fs::path best = checkpoint_path(folder_ / "run", summary.best->step);
  EXPECT_TRUE(fs::equivalent(folder_ / "run/best", best));
  EXPECT_EQ(read_json(best / "trainer.json")["best"]["loss"], lowest);
  EXPECT_LE(list_checkpoints(folder_ / "run").size(), 3u);
  // It stays known over a resumption, also to one of other checkpoints.
  EXPECT_EQ(
      train("run", {{"optimizer.learning_rate", "0.3"}, {"train.evaluate_every", "3"}}, RunStart::resume).best->loss,
      lowest);
  train("last", {{"train.keep_best", "false"}});
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder_ / "last/best")));
}

TEST_F(TrainerTest, AnInterruptedEvaluationIsMadeUpFor) {
  train("whole");
  train("cut", {{"train.steps", "40"}});
  kill_after("cut", 30);
  // As a Ctrl-C in the evaluation after step 30 leaves it.
  const fs::path state = checkpoint_path(folder_ / "cut", 30) / "trainer.json";
  Json json = read_json(state);
  json["evaluation_due"] = true;
  json["best"] = {{"step", 20}, {"loss", 100}};
  write_json(state, json);
  std::string metrics = metrics_until(read_text(folder_ / "cut/metrics.jsonl"), 30);
  metrics.resize(metrics.rfind('\n', metrics.size() - 2) + 1);
  write_text(folder_ / "cut/metrics.jsonl", metrics);
  cancel_.cancel();
  EXPECT_EQ(train("cut", {}, RunStart::resume).end, TrainSummary::End::interrupted);
  cancel_.reset();
  EXPECT_EQ(train("cut", {}, RunStart::resume).step, 40);
  EXPECT_EQ(numbers_of("cut"), numbers_of("whole"));
}

TEST_F(TrainerTest, ALineIsTheMeanOfItsStepsOverAResumption) {
  train("each");
  const std::vector<Setting> seven = {{"train.log_every", "7"}};
  train("mean", seven);
  kill_after("mean", 30);
  train("mean", seven, RunStart::resume);
  std::vector<double> each;
  for (const Json& line : read_lines(folder_ / "each/metrics.jsonl")) {
    if (line.contains("loss")) each.push_back(line["loss"]);
  }
  size_t begin = 0;
  for (const Json& line : read_lines(folder_ / "mean/metrics.jsonl")) {
    if (!line.contains("loss")) continue;
    const size_t end = line["step"];
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += each[i];
    EXPECT_DOUBLE_EQ(line["loss"], sum / static_cast<double>(end - begin)) << end;
    begin = end;
  }
  EXPECT_EQ(begin, 40u);
}

TEST_F(TrainerTest, BeginsWithGivenWeights) {
  train("base");
  const ImportedModel model = read_given_model(torch_context(), folder_ / "base");
  const auto begin = [&](const std::string& name, const std::vector<Setting>& settings) {
    Trainer trainer(sample_config(folder_, settings), folder_ / name, RunStart::fresh, GivenWeights{&model, "base"});
    return trainer.run(cancel_, [](const TrainProgress&) {});
  };
  begin("on", {{"train.steps", "5"}, {"optimizer.learning_rate", "2e-3"}});
  EXPECT_LT(read_lines(folder_ / "on/metrics.jsonl")[0]["loss"].get<double>(), 2.2) << "not log(31), as new weights";
  EXPECT_EQ(read_json(folder_ / "on/run.json")["run"]["from"], "base");
  begin("longer", {{"train.steps", "5"}, {"model.max_position_embeddings", "64"}, {"train.context", "48"}});
  begin("wider", {{"train.steps", "5"}, {"model.vocab_size", "40"}});
  EXPECT_LT(read_lines(folder_ / "wider/metrics.jsonl")[0]["loss"].get<double>(), 2.4);
  EXPECT_THAT(
      error_of([&] {
        begin("other", {{"model.num_attention_heads", "2"}});
      }),
      HasSubstr("base: cannot begin with its weights: its model.num_attention_heads is 3, and that of the run 2"));
  ImportedModel other = model;  // by a key that the run's configuration leaves out
  other.config.hidden_act = GateActivation::gelu_tanh;
  EXPECT_THAT(error_of([&] {
                Trainer(sample_config(folder_), folder_ / "gelu", RunStart::fresh, GivenWeights{&other, "base"});
              }),
              HasSubstr("its model.hidden_act is \"gelu_pytorch_tanh\", and that of the run null"));
  EXPECT_THAT(error_of([&] {
                Trainer(sample_config(folder_), folder_ / "base", RunStart::resume, GivenWeights{&model, "base"});
              }),
              HasSubstr("has weights of its own"));
}

TEST_F(TrainerTest, OneFileIsNotBothSplits) {
  EXPECT_THAT(error_in("run", {{"data.path", (folder_ / "data/train_000000.bin").string()}}, RunStart::fresh),
              HasSubstr("would be both training and validation data"));
  fs::remove(folder_ / "data/val_000000.bin");
  fs::create_symlink("train_000000.bin", folder_ / "data/val_000000.bin");
  EXPECT_THAT(error_of([&] { Trainer(config_, folder_ / "run", RunStart::fresh); }), HasSubstr("would be both"));
  EXPECT_FALSE(fs::exists(folder_ / "run/run.json"));
}

TEST_F(TrainerTest, TrainsWithoutAValidationSplit) {
  fs::remove(folder_ / "data/val_000000.bin");
  Trainer trainer(config_, folder_ / "run", RunStart::fresh);
  EXPECT_EQ(trainer.validation_tokens(), 0);
  const TrainSummary summary = trainer.run(cancel_, [](const TrainProgress&) {});
  EXPECT_EQ(summary.step, 40);
  EXPECT_FALSE(summary.validation || summary.best);
}

TEST_F(TrainerTest, FilesThatAreNotARunsAreLeftAlone) {
  const auto mine = [&](const std::string& file) { return folder_.write(file, "mine"); };
  for (const char* file : {"metrics.jsonl", "report.html", "model/weights.bin", "checkpoints/best.pt", "run.json",
                           "best", "model.partial/x", "metrics.jsonl.partial", "samples.jsonl"}) {
    SCOPED_TRACE(file);
    const std::string folder = "in-" + std::to_string(count_++);
    const fs::path path = mine(folder + "/" + file);
    for (const RunStart start : {RunStart::fresh, RunStart::replace, RunStart::resume}) {
      EXPECT_THAT(error_in(folder, {}, start), HasSubstr("is there already, and the folder holds no run.json"));
    }
    EXPECT_EQ(read_text(path), "mine");
  }
}

TEST_F(TrainerTest, ReplacingARunKeepsWhatIsNotItsOwn) {
  train("run");
  std::vector<fs::path> kept;
  for (const char* file : {"run/notes.txt", "run/checkpoints/best.pt", "run/checkpoints/step-00000040/notes.txt",
                           "run/events.out.tfevents.1.x"}) {
    kept.push_back(folder_.write(file, "mine"));
  }
  train("run", {{"train.steps", "6"}}, RunStart::replace);
  for (const fs::path& path : kept) EXPECT_EQ(read_text(path), "mine") << path;
  EXPECT_FALSE(fs::exists(folder_ / "run/checkpoints/step-00000040/model.safetensors"));
  int event_files = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "run")) {
    event_files += entry.path().filename().string().starts_with("events.");
  }
  EXPECT_EQ(event_files, 2) << "mine, and that of the new run";
  const fs::path report = folder_.write("run/report.html", "mine");
  EXPECT_THAT(error_in("run", {}, RunStart::replace), HasSubstr("report.html: is not a run's report"));
  EXPECT_EQ(read_text(report), "mine");
  EXPECT_EQ(list_checkpoints(folder_ / "run").size(), 1u) << "nothing was removed";
}

TEST_F(TrainerTest, ALossThatIsNotFiniteKeepsTheCheckpoints) {
  EXPECT_THAT(error_in("run",
                       {{"optimizer.learning_rate", "1000"},
                        {"optimizer.clip", "0"},
                        {"optimizer.weight_decay", "1000"},
                        {"train.checkpoint_every", "1"}},
                       RunStart::fresh),
              HasSubstr("optimizer.learning_rate or a longer schedule.warmup_steps may help. "));
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
