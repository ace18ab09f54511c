// Training: the loop over steps, with evaluation, checkpoints and metrics in the folder of a run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/core/stopwatch.h"
#include "t6/nn/transformer.h"
#include "t6/train/distributed/gradient_sum.h"
#include "t6/train/optimizer.h"
#include "t6/train/ranks.h"
#include "t6/train/run/checkpoint.h"
#include "t6/train/run/initial_weights.h"
#include "t6/train/run/metrics.h"
#include "t6/train/run/run_folder.h"
#include "t6/train/run_config.h"
#include "t6/train/steps/step_numbers.h"
#include "t6/train/steps/training_data.h"

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
  std::optional<BestStep> best;                // over all resumptions
};

// Where a run stands after a step.
struct TrainProgress {
  int64_t step = 0, tokens = 0;
  double loss = 0;  // of the step; on a GPU of an earlier one, NaN before there is any
  std::optional<ValidationRecord> validation;
  bool sample_due = false;  // the newest checkpoint is this step's, and train.sample_every wants samples of it
};

// What a run begins with in the place of new weights.
struct GivenWeights {
  const ImportedModel* model = nullptr;  // needed in the constructor alone
  std::string source;                    // its name, for messages and run.json
};

// Bytes that a step takes, about: weights, gradients and moments, and what a forward pass keeps for its gradients.
double step_bytes(const RunConfig& config);

// What a run would be, without beginning it: its run.json, as far as it is known before it begins. Errors: those of the
// Trainer about the data.
Json plan_run(const RunConfig& config);

class Trainer {
 public:
  // Opens the data and the run's folder. A checkpoint that cannot be read is set aside for the one before it. Errors:
  // an error in the data; a folder in use, or with files in a run's way that are not a run's; a checkpoint that was
  // made with other settings; no checkpoint that can be read, though there are some; weights of another model; weights
  // given to a run that goes on. Of several ranks each makes one; the first alone looks at the folder, and an error of
  // one is a SharedError of all.
  Trainer(const RunConfig& config, const std::filesystem::path& folder, RunStart start,
          const std::optional<GivenWeights>& given = {}, std::shared_ptr<Ranks> ranks = std::make_shared<Ranks>());

  Ranks& ranks() const { return *ranks_; }
  const RunConfig& config() const { return config_; }  // with the vocabulary's final size
  int64_t step() const { return state_.step; }         // steps done: above 0 when resumed
  int64_t train_tokens() const { return data_->train_tokens(); }
  int64_t validation_tokens() const { return data_->validation_tokens(); }  // 0: no such split
  double step_tokens() const { return data_->step_tokens(); }               // the mean, where documents have lengths
  std::string data_words() const { return data_->words(); }                 // what it trains on, for people
  int64_t tokens() const { return state_.tokens; }                          // seen in training, over all resumptions
  int64_t threads() const;                                                  // that LibTorch and the kernels use
  torch::Device device() const { return device_; }
  // Documents that were cut, and what was done about damaged checkpoints: a sentence for each.
  const std::vector<std::string>& notes() const { return notes_; }

  // On a GPU no step waits for the one before: losses and norms are looked at where a record is due, and before
  // evaluations and checkpoints.
  // Trains up to the last step, until it is cancelled on a rank, or up to the time limit, and saves. The same data,
  // settings, number of threads and of ranks on the same machine give the same losses to the last bit, however often a
  // run was killed and resumed; not so on a GPU, whose sums differ from time to time. Cancelling is heeded between
  // forward passes. Errors: a loss or gradient that is not finite, a full disk, data that is gone; the checkpoints made
  // before stay as they are. `observe` is called after each step.
  TrainSummary run(const CancelToken& cancel, const std::function<void(const TrainProgress&)>& observe);

 private:
  void open_folder(RunStart start);
  void begin_or_resume(RunStart start, const std::optional<GivenWeights>& given);
  void begin(const std::optional<GivenWeights>& given);
  void resume(const AdamW::NamedTensors& moments);
  void prepare_folder(RunStart start);
  void require_same_settings();
  Json deciding_settings() const;
  void write_run_json() const;
  bool train_step(const CancelToken& cancel);  // false: cancelled, and nothing changed
  struct Passes {
    torch::Tensor loss;  // the mean, a scalar of float64 on the device
    int64_t tokens = 0;  // of all ranks
  };
  std::optional<Passes> passes(const CancelToken& cancel);  // nothing: cancelled, and there are no gradients
  void share_sums(Passes& own);
  void count_step(double rate);
  void settle();
  // False: cancelled; nothing was written down, and it is done first when the run goes on.
  bool evaluate(const CancelToken& cancel);
  bool is_late();
  std::string advice_after(int64_t step) const;
  void save();
  double seconds() const;
  bool is_due(int64_t every) const;
  std::optional<int64_t> best_to_keep() const;  // a step
  void require_finite(int64_t step, const char* what, double value) const;

  std::shared_ptr<Ranks> ranks_;
  std::filesystem::path folder_;
  RunConfig config_;
  torch::Device device_;
  std::unique_ptr<TrainingData> data_;
  Transformer model_;
  AdamW optimizer_;
  GradientSum gradients_;
  std::optional<RunLock> lock_;  // the first rank's, as the metrics
  TrainerState state_;
  std::optional<Metrics> metrics_;
  std::optional<ValidationRecord> last_validation_;
  int64_t saved_step_ = 0;
  Stopwatch running_;  // since run() began
  PendingNumbers pending_;
  double last_loss_ = kNoNumber, last_norm_ = kNoNumber;
  // Tokens since the last record in the metrics, the time that they took, and what the ranks exchanged for them.
  int64_t recent_tokens_ = 0;
  double recent_seconds_ = 0;
  Communication recent_;
  std::string given_;  // the source of given weights
  std::vector<std::string> notes_;
};

}  // namespace t6
