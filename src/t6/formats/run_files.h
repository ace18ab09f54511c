// What the folder of a training run holds: its files by name, and the records of metrics.jsonl. The training wing
// writes them, the serving wing reads them.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include "t6/formats/json_object.h"

namespace t6 {

// Relative to the run's folder.
inline constexpr const char* kRunFile = "run.json";  // the whole configuration, and facts about the run
inline constexpr const char* kMetricsFile = "metrics.jsonl";
inline constexpr const char* kReportFile = "report.html";
inline constexpr const char* kSamplesFile = "samples.jsonl";  // a line for each text that was drawn while it trained
inline constexpr const char* kRunModel = "model";  // a relative link to the newest checkpoint, which is a model folder
inline constexpr const char* kRunBest = "best";    // the same to the one with the lowest validation loss
inline constexpr const char* kCheckpointFolder = "checkpoints";
inline constexpr const char* kEventFilePrefix = "events.out.tfevents.";  // of TensorBoard
// Of a checkpoint, which is a model folder (model_files.h) beside these.
inline constexpr const char* kMomentsFile = "trainer.safetensors";  // of AdamW
inline constexpr const char* kTrainerFile = "trainer.json";         // where the run stands

// Sections and keys of run.json that both wings name. The others are the run's TOML file's, and facts for people.
namespace run_keys {
inline constexpr const char* kModel = "model";    // a config.json, and the preset's name
inline constexpr const char* kPreset = "preset";  // of kModel; absent: none was named
inline constexpr const char* kData = "data";
inline constexpr const char* kPath = "path";  // of kData: the folder of token shards
inline constexpr const char* kTask = "task";  // in the place of kData: what a classifier learns
inline constexpr const char* kOptimizer = "optimizer";
inline constexpr const char* kTrain = "train";
inline constexpr const char* kSteps = "steps";           // of kTrain: how many the run is to take
inline constexpr const char* kBatchSize = "batch_size";  // of kTrain, as the next four
inline constexpr const char* kAccumulation = "gradient_accumulation";
inline constexpr const char* kContext = "context";
inline constexpr const char* kEvaluateEvery = "evaluate_every";
inline constexpr const char* kEvaluateWindows = "evaluate_windows";
inline constexpr const char* kFacts = "run";               // what is no setting: tokens, threads, Torch's version
inline constexpr const char* kEventFiles = "event_files";  // of kFacts: the names of those that the run wrote
inline constexpr const char* kDataFolder = "data_folder";  // of kFacts: kPath as an absolute path
inline constexpr const char* kValidationTokens = "validation_tokens";  // of kFacts: 0 without such a split
// Of kFacts of a classifier's run, whose documents differ in length: tokens of a step, the mean, and of an evaluation.
inline constexpr const char* kStepTokens = "step_tokens";
inline constexpr const char* kEvaluationTokens = "evaluation_tokens";
inline constexpr const char* kTaskFiles = "task_files";  // of kFacts: the files of kTask as absolute paths
}  // namespace run_keys

// What the error of a run says whose loss or gradient has become infinite or no number: its learning rate was too high.
inline constexpr const char* kDivergedAdvice =
    "a smaller optimizer.learning_rate or a longer schedule.warmup_steps may help";

// A number that is absent or null in the file (JSON has no NaN) is NaN here.
inline constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

// Of a training step.
struct StepRecord {
  int64_t step = 0;
  int64_t tokens = 0;       // trained on so far
  double loss = kNoNumber;  // nats per token (or label), the mean of the steps since the last record
  double learning_rate = kNoNumber;
  double gradient_norm = kNoNumber;      // before clipping; "grad_norm" on disk
  double tokens_per_second = kNoNumber;  // since the last record, without evaluation and saving
  double seconds = kNoNumber;            // that the run has taken so far, over all its resumptions
  // Of several ranks, of the first one's steps since the last record: bytes of gradients that were summed over the
  // ranks; of these, such as were summed before the backward pass was through; bytes of parameters that were updated
  // and gathered; seconds with something under way, and of these, such as the rank did nothing else in.
  double reduced_bytes = kNoNumber, hidden_bytes = kNoNumber, gathered_bytes = kNoNumber;
  double communication_seconds = kNoNumber, waited_seconds = kNoNumber;
};

// Of an evaluation on the validation split.
struct ValidationRecord {
  int64_t step = 0;
  int64_t tokens = 0;
  double loss = kNoNumber;           // nats per token, of a classifier per label; "validation_loss" on disk
  double bits_per_byte = kNoNumber;  // absent where the data does not say how many bytes its tokens stand for
  // Of classifiers: the share of labels that are right, from 0 to 1, and its standard error.
  double accuracy = kNoNumber, accuracy_error = kNoNumber;
  // The same after the last step, where the run has documents for a test.
  double test_loss = kNoNumber, test_accuracy = kNoNumber, test_accuracy_error = kNoNumber;

  bool is_classifiers() const { return accuracy == accuracy; }
};

using MetricsRecord = std::variant<StepRecord, ValidationRecord>;

// A line of metrics.jsonl, with its newline.
std::string metrics_line(const StepRecord& record);
std::string metrics_line(const ValidationRecord& record);

// What such a line says. Error: a step or a number of tokens that is missing or negative, a number that is no number.
MetricsRecord metrics_record(const JsonObject& line);

// The lines of a metrics.jsonl up to and with `step`, without a torn or malformed line and what follows it.
std::string metrics_until(std::string_view text, int64_t step);

}  // namespace t6
