#include "t6/train/trainer.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/threads.h"
#include "t6/formats/run_files.h"
#include "t6/model/costs.h"
#include "t6/nn/weights.h"
#include "t6/train/memory.h"
#include "t6/train/run/run_folder.h"

namespace t6 {
namespace {

std::span<int64_t> numbers_of(const torch::Tensor& tensor) {
  return {tensor.data_ptr<int64_t>(), static_cast<size_t>(tensor.numel())};
}

struct Batch {
  torch::Tensor inputs, targets;  // [B, T] int64
};

Batch read_batch(const Sequences& sequences, std::span<const int64_t> begins) {
  const auto size = static_cast<int64_t>(begins.size());
  const Batch batch = {torch::empty({size, sequences.context()}, torch::kLong),
                       torch::empty({size, sequences.context()}, torch::kLong)};
  sequences.read(begins, numbers_of(batch.inputs), numbers_of(batch.targets));
  return batch;
}

// The data's vocabulary when the model's is smaller: a preset's size is for another tokenizer.
RunConfig with_vocabulary(RunConfig config, const DataFacts& facts) {
  int64_t& vocab = config.model.vocab_size;
  if (!facts.vocab_size || *facts.vocab_size <= vocab) return config;
  require(!config.own_vocab, "model: \"vocab_size\" is {}, but the data in {} has a vocabulary of {}", vocab,
          config.data.path, *facts.vocab_size);
  vocab = *facts.vocab_size;
  return config;
}

void use_threads(int64_t threads) {
  torch::set_num_threads(threads > 0 ? static_cast<int>(threads) : processor_count());
}

}  // namespace

Trainer::Trainer(const RunConfig& config, const std::filesystem::path& folder, RunStart start)
    : folder_(folder),
      facts_(read_data_facts(config.data.path)),
      config_(with_vocabulary(config, facts_)),
      training_(config.data.path, "train", config_.train.context, config_.model.vocab_size),
      validation_(config.data.path, "val", config_.train.context, config_.model.vocab_size),
      order_(training_.tokens(), config_.train.context, static_cast<uint64_t>(config_.train.seed)),
      model_(config_.model, parse_attention_path(config_.train.attention, "train: \"attention\"")),
      optimizer_(model_->named_parameters(), config_.optimizer.adamw),
      lock_(folder) {
  if (start == RunStart::replace) remove_run(folder);
  require(
      start == RunStart::resume || !holds_run(folder),
      "{}: this folder holds a run already; --resume goes on with it, --force removes it, --out takes another folder",
      folder.string());
  use_threads(config_.train.threads);
  share_large_blocks();
  recover_run_folder(folder);
  state_.configuration = deciding_settings();
  const auto checkpoints = list_checkpoints(folder);
  if (checkpoints.empty()) {
    initialize(model_, static_cast<uint64_t>(config_.train.seed));
  } else {
    state_ = read_checkpoint(checkpoints.back().path, state_.configuration, model_, optimizer_);
  }
  saved_step_ = state_.step;
  write_run_json();
  metrics_.emplace(folder, state_.step);
}

// What a resumed run must have in common with the checkpoint that it goes on from.
Json Trainer::deciding_settings() const {
  const Json all = to_json(config_);
  Json deciding = {{"model", config_to_json(config_.model)},
                   {"data", {{"train_tokens", train_tokens()}, {"validation_tokens", validation_tokens()}}},
                   {"optimizer", all["optimizer"]},
                   {"schedule", all["schedule"]}};
  for (const char* key : {"steps", "batch_size", "gradient_accumulation", "context", "seed"}) {
    deciding["train"][key] = all["train"][key];
  }
  return deciding;
}

void Trainer::write_run_json() const {
  Json json = to_json(config_);
  json[run_keys::kFacts] = {{"parameters", parameter_count(config_.model)},
                            {"train_tokens", train_tokens()},
                            {"validation_tokens", validation_tokens()},
                            {"threads", threads()},
                            {"torch", TORCH_VERSION}};
  if (facts_.bytes_per_token) json[run_keys::kFacts]["bytes_per_token"] = *facts_.bytes_per_token;
  write_json(folder_ / kRunFile, json);
}

int64_t Trainer::threads() const { return torch::get_num_threads(); }

double Trainer::seconds() const { return state_.seconds + running_.seconds(); }

bool Trainer::is_due(int64_t every) const {
  return state_.step == config_.train.steps || (every > 0 && state_.step % every == 0);
}

TrainSummary Trainer::run(const CancelToken& cancel, const std::function<void(const TrainProgress&)>& observe) {
  using End = TrainSummary::End;
  running_ = Stopwatch();
  End end = End::finished;
  while (state_.step < config_.train.steps && end == End::finished) {
    if (cancel.cancelled() || !train_step(cancel)) {
      end = End::interrupted;
      break;
    }
    const bool late = config_.train.minutes > 0 && running_.seconds() > 60 * config_.train.minutes;
    if (late && state_.step < config_.train.steps) end = End::out_of_time;
    if (is_due(config_.train.evaluate_every) || end == End::out_of_time) evaluate();
    if (is_due(config_.train.checkpoint_every)) save();
    observe({state_.step, state_.tokens, last_loss_,
             last_validation_ ? std::optional(last_validation_->loss) : std::nullopt});
  }
  save();
  return {end, state_.step, state_.tokens, seconds(), last_validation_};
}

bool Trainer::train_step(const CancelToken& cancel) {
  const Stopwatch step_time;
  const int64_t step = state_.step + 1, accumulation = config_.train.gradient_accumulation;
  std::vector<int64_t> begins(static_cast<size_t>(config_.train.batch_size));
  int64_t sequence = state_.step * accumulation * config_.train.batch_size;
  double loss = 0;
  for (int64_t i = 0; i < accumulation; ++i) {
    if (i > 0 && cancel.cancelled()) {
      optimizer_.zero_grad();
      return false;
    }
    for (int64_t& place : begins) place = order_.begin(sequence++);
    const Batch batch = read_batch(training_, begins);
    torch::Tensor part = model_->loss(batch.inputs, batch.targets);
    if (accumulation > 1) part = part / static_cast<double>(accumulation);
    loss += part.item<double>();
    require_finite(step, "loss", loss);
    part.backward();
  }
  const double norm = optimizer_.clip(config_.optimizer.clip);
  require_finite(step, "norm of the gradient", norm);
  const double rate = config_.learning_rate().rate(step);
  optimizer_.set_learning_rate(rate);
  optimizer_.step();
  optimizer_.zero_grad();

  state_.step = step;
  state_.tokens += config_.step_tokens();
  last_loss_ = loss;
  ++recent_steps_;
  recent_seconds_ += step_time.seconds();
  if (!is_due(config_.train.log_every)) return true;
  metrics_->add(
      StepRecord{.step = step,
                 .tokens = state_.tokens,
                 .loss = loss,
                 .learning_rate = rate,
                 .gradient_norm = norm,
                 .tokens_per_second = static_cast<double>(std::exchange(recent_steps_, 0) * config_.step_tokens()) /
                                      std::exchange(recent_seconds_, 0),
                 .seconds = seconds()});
  return true;
}

void Trainer::require_finite(int64_t step, const char* what, double value) const {
  if (std::isfinite(value)) return;
  const auto checkpoints = list_checkpoints(folder_);
  fail("step {}: the {} is {}; a smaller optimizer.learning_rate or a longer schedule.warmup_steps may help. {}", step,
       what, value,
       checkpoints.empty() ? "No checkpoint was made before"
                           : "The last checkpoint is " + checkpoints.back().path.string());
}

void Trainer::evaluate() {
  const torch::NoGradGuard no_gradients;
  const auto begins = even_begins(validation_.tokens(), config_.train.context, config_.train.evaluate_windows);
  const auto most = static_cast<size_t>(config_.train.batch_size);
  double total = 0;
  for (std::span<const int64_t> rest = begins; !rest.empty();) {
    const auto now = rest.first(std::min(most, rest.size()));
    const Batch batch = read_batch(validation_, now);
    total += model_->loss(batch.inputs, batch.targets).item<double>() * static_cast<double>(now.size());
    rest = rest.subspan(now.size());
  }
  const double loss = total / static_cast<double>(begins.size());
  require_finite(state_.step, "validation loss", loss);
  last_validation_ = ValidationRecord{.step = state_.step, .tokens = state_.tokens, .loss = loss};
  if (facts_.bytes_per_token) last_validation_->bits_per_byte = loss / std::numbers::ln2 / *facts_.bytes_per_token;
  metrics_->add(*last_validation_);
}

void Trainer::save() {
  if (state_.step == saved_step_) return;
  metrics_->sync();  // a checkpoint's metrics must not be younger than it
  TrainerState state = state_;
  state.seconds = seconds();
  commit_checkpoint(folder_, state.step, config_.train.keep_checkpoints, [&](const std::filesystem::path& folder) {
    write_checkpoint(folder, state, model_, optimizer_, facts_.tokenizer);
  });
  saved_step_ = state.step;
}

}  // namespace t6
