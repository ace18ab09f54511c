#include "t6/train/trainer.h"

#include <cmath>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/threads.h"
#include "t6/formats/run_files.h"
#include "t6/model/costs.h"
#include "t6/nn/weights.h"
#include "t6/train/memory.h"
#include "t6/train/run/initial_weights.h"
#include "t6/train/run/run_folder.h"

namespace t6 {
namespace {

// What run.json says of the run before this process.
Json earlier_facts(const std::filesystem::path& folder) {
  if (!holds_run(folder)) return Json::object();
  const Json facts = read_json(folder / kRunFile)[run_keys::kFacts];
  return facts.contains(run_keys::kEventFiles) && !facts[run_keys::kEventFiles].is_array() ? Json::object() : facts;
}

void use_threads(int64_t threads) {
  torch::set_num_threads(threads > 0 ? static_cast<int>(threads) : processor_count());
}

}  // namespace

double step_bytes(const RunConfig& config) {
  // Floats that the passes keep of a token and layer, as measured with small-tpa on 512 tokens.
  const ModelConfig& model = config.model;
  const int64_t kept =
      6 * model.hidden_size + 2 * model.feed_forward_dim() + model.num_attention_heads * model.head_dim;
  const double tokens = static_cast<double>(config.train.batch_size) * static_cast<double>(config.train.context);
  const Execution how = config.execution();
  const double layer = static_cast<double>(kept) * (how.precision == Precision::bfloat16 ? 0.5 : 1);
  const double layers = static_cast<double>(model.num_hidden_layers);
  // Recomputed layers keep their input alone, but for the one that is at work.
  const double passes =
      how.recompute == Recompute::layer ? layer + layers * static_cast<double>(model.hidden_size) : layer * layers;
  return sizeof(float) * (4 * static_cast<double>(parameter_count(model)) + tokens * passes);
}

Json plan_run(const RunConfig& given) {
  RunConfig config = given;
  const auto data = open_training_data(config);
  Json json = to_json(config);
  json[run_keys::kFacts] = data->facts();
  json[run_keys::kFacts]["parameters"] = parameter_count(config.model);
  return json;
}

Trainer::Trainer(const RunConfig& config, const std::filesystem::path& folder, RunStart start,
                 const std::optional<GivenWeights>& given)
    : folder_(folder),
      config_(config),
      data_(open_training_data(config_)),
      model_(config_.model, config_.execution()),
      optimizer_(model_->named_parameters(), config_.optimizer.adamw),
      lock_(folder),
      notes_(data_->notes()) {
  const bool holds = holds_run(folder);
  require(
      start != RunStart::fresh || !holds,
      "{}: this folder holds a run already; --resume goes on with it, --force removes it, --out takes another folder",
      folder.string());
  require_no_foreign_files(folder);
  use_threads(config_.train.threads);
  share_large_blocks();
  state_.configuration = deciding_settings();
  const bool goes_on = start == RunStart::resume && !list_checkpoints(folder, Completeness::any).empty();
  require(!goes_on || !given, "{}: this run has weights of its own; --from is for a run that begins", folder.string());
  if (goes_on) {
    resume();
  } else {
    begin(given);
  }
  if (start == RunStart::replace && holds) remove_run(folder);
  saved_step_ = state_.step;
  write_run_json();
  recover_run_folder(folder);
  link_checkpoints(folder, best_to_keep());
  metrics_.emplace(folder, state_.step);
  write_run_json();  // with the name of the event file
}

void Trainer::begin(const std::optional<GivenWeights>& given) {
  const auto seed = static_cast<uint64_t>(config_.train.seed);
  if (!given) return initialize(model_, seed);
  given_ = given->source;
  use_given_weights(model_, *given->model, seed, given->source);
}

// The newest checkpoint that can be read. All that cannot are looked at before any is set aside.
void Trainer::resume() {
  auto checkpoints = list_checkpoints(folder_, Completeness::any);
  std::vector<std::pair<std::filesystem::path, std::string>> damaged;
  for (;; checkpoints.pop_back()) {
    if (checkpoints.empty()) fail("no checkpoint of this run can be read; of the newest: {}", damaged.front().second);
    try {
      require_complete(checkpoints.back().path);
      state_ = read_checkpoint(checkpoints.back().path, state_.configuration, model_, optimizer_);
      break;
    } catch (const OtherSettings&) {
      throw;
    } catch (const Error& error) {
      damaged.emplace_back(checkpoints.back().path, error.what());
    }
  }
  for (const auto& [path, reason] : damaged) {
    notes_.push_back(fmt::format("the checkpoint {} cannot be read ({}); it is kept as {}", path.filename().string(),
                                 reason, set_aside(path).filename().string()));
  }
}

// What a resumed run must have in common with the checkpoint that it goes on from.
Json Trainer::deciding_settings() const {
  const Json all = to_json(config_);
  Json deciding = {
      {"model", config_to_json(config_.model)}, {"optimizer", all["optimizer"]}, {"schedule", all["schedule"]}};
  const auto [section, identity] = data_->identity();
  deciding[section] = identity;
  for (const char* key : {"steps", "batch_size", "gradient_accumulation", "context", "seed", "dtype"}) {
    deciding["train"][key] = all["train"][key];
  }
  return deciding;
}

void Trainer::write_run_json() const {
  Json json = to_json(config_);
  Json& facts = json[run_keys::kFacts];
  facts = data_->facts();
  facts["parameters"] = parameter_count(config_.model);
  facts["threads"] = threads();
  facts["torch"] = TORCH_VERSION;
  const Json before = earlier_facts(folder_);
  facts[run_keys::kEventFiles] = before.value(run_keys::kEventFiles, Json::array());
  if (metrics_) facts[run_keys::kEventFiles].push_back(metrics_->event_file().filename().string());
  if (!given_.empty()) {
    facts["from"] = given_;
  } else if (before.contains("from")) {
    facts["from"] = before["from"];
  }
  write_json(folder_ / kRunFile, json);
}

int64_t Trainer::threads() const { return torch::get_num_threads(); }

double Trainer::seconds() const { return state_.seconds + running_.seconds(); }

bool Trainer::is_due(int64_t every) const {
  return state_.step == config_.train.steps || (every > 0 && state_.step % every == 0);
}

std::optional<int64_t> Trainer::best_to_keep() const {
  return config_.train.keep_best && state_.best ? std::optional(state_.best->step) : std::nullopt;
}

TrainSummary Trainer::run(const CancelToken& cancel, const std::function<void(const TrainProgress&)>& observe) {
  using End = TrainSummary::End;
  running_ = Stopwatch();
  End end = End::finished;
  if (state_.evaluation_due) {
    if (!evaluate(cancel)) end = End::interrupted;
    link_checkpoints(folder_, best_to_keep());
  }
  while (state_.step < config_.train.steps && end == End::finished) {
    if (cancel.cancelled() || !train_step(cancel)) {
      end = End::interrupted;
      break;
    }
    const bool late = config_.train.minutes > 0 && running_.seconds() > 60 * config_.train.minutes;
    if (late && state_.step < config_.train.steps) end = End::out_of_time;
    const bool evaluation_due = is_due(config_.train.evaluate_every) || end == End::out_of_time;
    if (evaluation_due && !evaluate(cancel)) end = End::interrupted;
    const bool sample_due = config_.train.sample_every > 0 && state_.step % config_.train.sample_every == 0;
    if (is_due(config_.train.checkpoint_every) || sample_due || best_to_keep() == state_.step) save();
    observe({state_.step, state_.tokens, last_loss_, last_validation_, sample_due});
  }
  save();
  return {end, state_.step, state_.tokens, seconds(), last_validation_, state_.best};
}

bool Trainer::train_step(const CancelToken& cancel) {
  const Stopwatch step_time;
  const int64_t step = state_.step + 1, accumulation = config_.train.gradient_accumulation;
  double loss = 0;
  int64_t tokens = 0;
  for (int64_t i = 0; i < accumulation; ++i) {
    if (i > 0 && cancel.cancelled()) {
      optimizer_.zero_grad();
      return false;
    }
    auto [part, part_tokens] = data_->loss(model_, state_.step * accumulation + i);
    if (accumulation > 1) part = part / static_cast<double>(accumulation);
    tokens += part_tokens;
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

  recent_tokens_ += tokens;
  recent_seconds_ += step_time.seconds();
  state_.tokens += tokens;
  count_step(loss, rate, norm);
  return true;
}

void Trainer::count_step(double loss, double rate, double norm) {
  ++state_.step;
  last_loss_ = loss;
  ++state_.open.steps;
  state_.open.loss += loss;
  if (!is_due(config_.train.log_every)) return;
  const OpenInterval covered = std::exchange(state_.open, {});
  metrics_->add(StepRecord{
      .step = state_.step,
      .tokens = state_.tokens,
      .loss = covered.loss / static_cast<double>(covered.steps),
      .learning_rate = rate,
      .gradient_norm = norm,
      .tokens_per_second = static_cast<double>(std::exchange(recent_tokens_, 0)) / std::exchange(recent_seconds_, 0),
      .seconds = seconds()});
}

void Trainer::require_finite(int64_t step, const char* what, double value) const {
  if (std::isfinite(value)) return;
  fail("step {}: the {} is {}; {}. {}", step, what, value, kDivergedAdvice, advice_after(step));
}

// How to go on after `step`, whose numbers are not finite: from weights that gave finite ones.
std::string Trainer::advice_after(int64_t step) const {
  std::optional<std::filesystem::path> good;
  for (const CheckpointEntry& entry : list_checkpoints(folder_)) {
    if (entry.step + 1 < step) good = entry.path;
  }
  if (std::filesystem::exists(folder_ / kRunBest)) good = folder_ / kRunBest;
  const double rate = config_.optimizer.adamw.learning_rate / 10;
  const bool below = rate < config_.schedule.minimum_learning_rate;
  return fmt::format("{}: t6 train {}{} --out NEW --learning-rate {:g}{}",
                     good ? "To go on from an earlier checkpoint" : "No checkpoint before it is sound; to begin anew",
                     folder_.string(), good ? " --from " + good->string() : "", rate,
                     below ? " --set schedule.minimum_learning_rate=0" : "");
}

bool Trainer::evaluate(const CancelToken& cancel) {
  if (!data_->has_validation()) return true;
  state_.evaluation_due = true;
  const torch::NoGradGuard no_gradients;
  std::optional<ValidationRecord> record = data_->evaluate(model_, state_.step == config_.train.steps, cancel);
  if (!record) return false;
  require_finite(state_.step, "validation loss", record->loss);
  record->step = state_.step, record->tokens = state_.tokens;
  state_.evaluation_due = false;
  if (!state_.best || record->loss < state_.best->loss) state_.best = {state_.step, record->loss, record->accuracy};
  last_validation_ = record;
  metrics_->add(*last_validation_);
  return true;
}

void Trainer::save() {
  if (state_.step == saved_step_) return;
  metrics_->sync();  // a checkpoint's metrics must not be younger than it
  TrainerState state = state_;
  state.seconds = seconds();
  const KeptCheckpoints kept = {.newest = config_.train.keep_checkpoints, .best = best_to_keep()};
  commit_checkpoint(folder_, state.step, kept, [&](const std::filesystem::path& folder) {
    write_checkpoint(folder, state, model_, optimizer_);
    data_->write_files(folder);
  });
  saved_step_ = state.step;
}

}  // namespace t6
