#include "t6/train/run/run_folder.h"

#include <gmock/gmock.h>

#include "tests/train/sample_run.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

void fill(const fs::path& folder) {
  for (const char* file : {"config.json", "model.safetensors", "trainer.safetensors", "trainer.json"}) {
    write_text(folder / file, file);
  }
}

std::vector<int64_t> steps_in(const TemporaryFolder& run) {
  std::vector<int64_t> steps;
  for (const auto& entry : list_checkpoints(run.path())) steps.push_back(entry.step);
  return steps;
}

TEST(RunFolder, KeepsTheNewestAndLinksTheLast) {
  const TemporaryFolder run;
  for (const int64_t step : {5, 10, 100, 99'999'999, 100'000'000})
    commit_checkpoint(run.path(), step, {.newest = 3}, fill);
  EXPECT_THAT(steps_in(run), ElementsAre(100, 99'999'999, 100'000'000));
  EXPECT_EQ(fs::read_symlink(run / "model"), "checkpoints/step-100000000");
  EXPECT_EQ(read_text(run / "model/config.json"), "config.json");
  for (const auto& entry : fs::directory_iterator(run / "checkpoints")) EXPECT_NE(entry.path().extension(), ".partial");
  commit_checkpoint(run.path(), 100'000'001, {}, fill);
  EXPECT_THAT(steps_in(run), ElementsAre(100, 99'999'999, 100'000'000, 100'000'001)) << "0 keeps all";
}

TEST(RunFolder, AFailedCheckpointLeavesNothingAndTheOldOnes) {
  const TemporaryFolder run;
  commit_checkpoint(run.path(), 1, {.newest = 1}, fill);
  const auto failing = [](const fs::path& folder) {
    fill(folder);
    fail("the disk is full");
  };
  EXPECT_EQ(error_of([&] { commit_checkpoint(run.path(), 2, {.newest = 1}, failing); }), "the disk is full");
  EXPECT_THAT(steps_in(run), ElementsAre(1));
  EXPECT_EQ(fs::read_symlink(run / "model"), "checkpoints/step-00000001");
  EXPECT_EQ(std::distance(fs::directory_iterator(run / "checkpoints"), fs::directory_iterator()), 1);
}

TEST(RunFolder, WhatAKilledProcessLeftIsIgnoredAndCleared) {
  const TemporaryFolder run;
  commit_checkpoint(run.path(), 1, {.newest = 3}, fill);
  commit_checkpoint(run.path(), 2, {.newest = 3}, fill);
  // Killed while writing 3, while removing an old one, and between the rename of 2 and its link.
  run.write("checkpoints/step-00000003.partial/config.json", "half");
  run.write("checkpoints/step-00000000.partial/trainer.json", "half");
  fs::remove(run / "model");
  fs::create_directory_symlink("checkpoints/step-00000001", run / "model");
  fs::create_directory_symlink("checkpoints/step-00000002", run / "model.partial");
  EXPECT_THAT(steps_in(run), ElementsAre(1, 2));
  recover_run_folder(run.path());
  link_checkpoints(run.path(), {});
  EXPECT_THAT(steps_in(run), ElementsAre(1, 2));
  EXPECT_EQ(fs::read_symlink(run / "model"), "checkpoints/step-00000002");
  EXPECT_FALSE(fs::exists(fs::symlink_status(run / "model.partial")));
  EXPECT_EQ(std::distance(fs::directory_iterator(run / "checkpoints"), fs::directory_iterator()), 2);
}

TEST(RunFolder, ACheckpointThatLacksAFileIsPassedOver) {
  const TemporaryFolder run;
  commit_checkpoint(run.path(), 1, {.newest = 3}, fill);
  commit_checkpoint(run.path(), 2, {.newest = 3}, fill);
  fs::remove(checkpoint_path(run.path(), 2) / "trainer.safetensors");
  run.write("checkpoints/step-x/config.json", "someone's");
  EXPECT_THAT(steps_in(run), ElementsAre(1));
  recover_run_folder(run.path());
  link_checkpoints(run.path(), {});
  EXPECT_EQ(fs::read_symlink(run / "model"), "checkpoints/step-00000001");
  commit_checkpoint(run.path(), 2, {.newest = 3}, fill);  // the resumed run comes by again
  EXPECT_THAT(steps_in(run), ElementsAre(1, 2));
  EXPECT_THAT(error_of([&] { commit_checkpoint(run.path(), 2, {.newest = 3}, fill); }), HasSubstr("exists already"));
}

constexpr const char* kRunJson = R"({"model": {}, "data": {}, "train": {},
                                     "run": {"event_files": ["events.out.tfevents.1.host", "../other/run.json"]}})";

TEST(RunFolder, RemovesTheRunAndNothingElse) {
  const TemporaryFolder run;
  run.write("run.json", kRunJson);
  commit_checkpoint(run.path(), 1, {.newest = 3}, fill);
  commit_checkpoint(run.path(), 2, {.newest = 3, .best = 1}, fill);
  for (const char* name : {"metrics.jsonl", "events.out.tfevents.1.host", "notes.txt", "events.out.tfevents.2.host"}) {
    run.write(name, name);
  }
  run.write("report.html", "<title>x · T6 run report</title>");
  EXPECT_TRUE(holds_run(run.path()));
  remove_run(run.path());
  EXPECT_FALSE(holds_run(run.path()));
  EXPECT_EQ(std::distance(fs::directory_iterator(run.path()), fs::directory_iterator()), 2);
  EXPECT_TRUE(fs::exists(run / "notes.txt"));
  EXPECT_TRUE(fs::exists(run / "events.out.tfevents.2.host"));
}

TEST(RunFolder, AnotherProgramsRunJsonIsNoRun) {
  const TemporaryFolder run;
  for (const char* text : {"", "{", "[1]", "{\"model\": \"gpt2\"}", "{\"model\": {}, \"train\": {}, \"data\": {}}"}) {
    run.write("run.json", text);
    EXPECT_FALSE(holds_run(run.path())) << text;
    EXPECT_THAT(error_of([&] { remove_run(run.path()); }), HasSubstr("holds no run"));
    EXPECT_THAT(error_of([&] { require_no_foreign_files(run.path()); }), HasSubstr("run.json: is there already"));
  }
}

TEST(RunFolder, KeepsTheBestBesideTheNewest) {
  const TemporaryFolder run;
  for (const int64_t step : {1, 2, 3, 4}) commit_checkpoint(run.path(), step, {.newest = 2, .best = 1}, fill);
  EXPECT_THAT(steps_in(run), ElementsAre(1, 3, 4));
  EXPECT_EQ(fs::read_symlink(run / "best"), "checkpoints/step-00000001");
  commit_checkpoint(run.path(), 5, {.newest = 2, .best = 5}, fill);
  EXPECT_THAT(steps_in(run), ElementsAre(4, 5));
  EXPECT_EQ(fs::read_symlink(run / "best"), "checkpoints/step-00000005");
  link_checkpoints(run.path(), {});
  EXPECT_FALSE(fs::exists(fs::symlink_status(run / "best")));
}

TEST(RunFolder, OneProcessAtATime) {
  const TemporaryFolder run;
  {
    const RunLock lock(run / "new");
    EXPECT_THAT(error_of([&] { RunLock second(run / "new"); }), HasSubstr("another process is training"));
  }
  EXPECT_NO_THROW(RunLock(run / "new"));
}

}  // namespace
}  // namespace t6
