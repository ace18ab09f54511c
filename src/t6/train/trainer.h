// Training: the loop over steps, with evaluation, checkpoints and metrics in the folder of a run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/core/stopwatch.h"
#include "t6/nn/transformer.h"
#include "t6/train/optimizer.h"
#include "t6/train/run/checkpoint.h"
#include "t6/train/run/metrics.h"
#include "t6/train/run/run_folder.h"
#include "t6/train/run_config.h"
#include "t6/train/steps/data.h"

namespace t6 {

// What becomes of a run that is in the folder already.
enum class RunStart {
  fresh,   // an error
  resume,  // it goes on after its newest complete checkpoint; without one it begins
  replace  // it is removed
};

struct TrainSummary {
  enum class End { finished, interrupted, out_of_time } end = End::finished;
  int64_t step = 0, tokens = 0;
  double seconds = 0;                          // of the run, over all its resumptions
  std::optional<ValidationRecord> validation;  // the last one of this process
};

// Where a run stands after a step.
struct TrainProgress {
  int64_t step = 0, tokens = 0;
  double loss = 0;  // of the step
  std::optional<double> validation_loss;
};

class Trainer {
 public:
  // Opens the data and the run's folder. Errors: an error in the data; a folder in use; a checkpoint that is damaged or
  // was made with other settings.
  Trainer(const RunConfig& config, const std::filesystem::path& folder, RunStart start);

  const RunConfig& config() const { return config_; }  // with the vocabulary's final size
  int64_t step() const { return state_.step; }         // steps done: above 0 when resumed
  int64_t train_tokens() const { return training_.tokens(); }
  int64_t validation_tokens() const { return validation_.tokens(); }
  int64_t tokens() const { return state_.tokens; }  // seen in training, over all resumptions
  int64_t threads() const;                          // that LibTorch and the kernels use

  // Trains up to the last step, until it is cancelled, or up to the time limit, and saves. The same data, settings
  // and number of threads on the same machine give the same losses to the last bit, however often a run was killed and
  // resumed. Errors: a loss or gradient that is not finite, a full disk, data that is gone; the checkpoints made before
  // stay as they are.
  // `observe` is called after each step.
  TrainSummary run(const CancelToken& cancel, const std::function<void(const TrainProgress&)>& observe);

 private:
  Json deciding_settings() const;
  void write_run_json() const;
  bool train_step(const CancelToken& cancel);  // false: cancelled, and nothing changed
  void evaluate();
  void save();
  double seconds() const;
  bool is_due(int64_t every) const;
  void require_finite(int64_t step, const char* what, double value) const;

  std::filesystem::path folder_;
  DataFacts facts_;
  RunConfig config_;
  Sequences training_, validation_;
  ShuffledOrder order_;
  Transformer model_;
  AdamW optimizer_;
  RunLock lock_;
  TrainerState state_;
  std::optional<Metrics> metrics_;
  std::optional<ValidationRecord> last_validation_;
  int64_t saved_step_ = 0;
  Stopwatch running_;  // since run() began
  double last_loss_ = 0;
  // Steps since the last record in the metrics, and the time that they took.
  int64_t recent_steps_ = 0;
  double recent_seconds_ = 0;
};

}  // namespace t6
