#include "t6/train/trainer.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/threads.h"
#include "t6/formats/json.h"
#include "t6/formats/run_files.h"
#include "t6/model/costs.h"
#include "t6/nn/weights.h"
#include "t6/train/device.h"
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

// Where no number is wanted, the ranks of a machine share its processors; where each has processors of its own, as
// mpirun and srun give them out, it takes these.
void use_threads(int64_t threads, int64_t ranks_here) {
  const int64_t own = processor_count();
  const bool bound = own < ::sysconf(_SC_NPROCESSORS_ONLN);
  if (threads == 0) threads = bound ? own : std::max<int64_t>(1, own / ranks_here);
  torch::set_num_threads(static_cast<int>(threads));
}

// Before anything of the run is written.
torch::Device open_device_together(const TrainConfig& train, Ranks& ranks) {
  torch::Device device = torch::kCPU;
  ranks.together([&] {
    require(ranks.size() == 1 || train.device == "cpu",
            "train: \"device\" is \"{}\", and this run has {} processes, which train on the CPU; 'python -m t6.train' "
            "takes "
            "several GPUs",
            train.device, ranks.size());
    device = open_device(train.device, "train: \"device\"");
  });
  return device;
}

// In the place where its parameters are from here on.
Transformer make_model(const RunConfig& config, torch::Device device) {
  Transformer model(config.model, config.execution());
  model->to(device);
  return model;
}

std::unique_ptr<TrainingData> open_together(RunConfig& config, const std::shared_ptr<Ranks>& ranks) {
  std::unique_ptr<TrainingData> data;
  ranks->together([&] { data = open_training_data(config, ranks); });
  return data;
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
  const auto data = open_training_data(config, std::make_shared<Ranks>());
  Json json = to_json(config);
  json[run_keys::kFacts] = data->facts();
  json[run_keys::kFacts]["parameters"] = parameter_count(config.model);
  return json;
}

Trainer::Trainer(const RunConfig& config, const std::filesystem::path& folder, RunStart start,
                 const std::optional<GivenWeights>& given, std::shared_ptr<Ranks> ranks)
    : ranks_(std::move(ranks)),
      folder_(folder),
      config_(config),
      device_(open_device_together(config_.train, *ranks_)),
      data_(open_together(config_, ranks_)),
      model_(make_model(config_, device_)),
      optimizer_(model_->named_parameters(), config_.optimizer.adamw, ranks_),
      gradients_(model_->named_parameters(), optimizer_.layout(), *ranks_),
      notes_(data_->notes()) {
  ranks_->on_first([&] { open_folder(start); });
  use_threads(config_.train.threads, ranks_->ranks_here());
  share_large_blocks();
  state_.configuration = deciding_settings();
  require_same_settings();
  begin_or_resume(start, given);
  saved_step_ = state_.step;
  ranks_->on_first([&] { prepare_folder(start); });
}

void Trainer::open_folder(RunStart start) {
  lock_.emplace(folder_);
  require(
      start != RunStart::fresh || !holds_run(folder_),
      "{}: this folder holds a run already; --resume goes on with it, --force removes it, --out takes another folder",
      folder_.string());
  require_no_foreign_files(folder_);
}

void Trainer::require_same_settings() {
  const std::string own = state_.configuration.dump(), firsts = ranks_->tell(own);
  ranks_->together([&] {
    require(own == firsts, "settings or data are not those of the first rank: here {}, there {}", own, firsts);
  });
}

void Trainer::begin_or_resume(RunStart start, const std::optional<GivenWeights>& given) {
  bool goes_on = false;
  ranks_->on_first([&] {
    goes_on = start == RunStart::resume && !list_checkpoints(folder_, Completeness::any).empty();
    require(!goes_on || !given, "{}: this run has weights of its own; --from is for a run that begins",
            folder_.string());
  });
  if (ranks_->any(goes_on)) {
    const AdamW::NamedTensors moments = optimizer_.moments();
    ranks_->on_first([&] { resume(moments); });
    optimizer_.take_moments(moments);
  } else {
    ranks_->on_first([&] { begin(given); });
  }
  optimizer_.share_parameters();
  const Json state = parse_json(ranks_->tell(to_json(state_).dump()), kTrainerFile), settings = state_.configuration;
  state_ = trainer_state(JsonObject(state, kTrainerFile));
  state_.configuration = settings;
  optimizer_.set_steps(state_.step);
}

void Trainer::prepare_folder(RunStart start) {
  if (start == RunStart::replace && holds_run(folder_)) remove_run(folder_);
  write_run_json();
  recover_run_folder(folder_);
  link_checkpoints(folder_, best_to_keep());
  metrics_.emplace(folder_, state_.step);
  write_run_json();  // with the name of the event file
}

void Trainer::begin(const std::optional<GivenWeights>& given) {
  const auto seed = static_cast<uint64_t>(config_.train.seed);
  if (!given) return initialize(model_, seed);
  given_ = given->source;
  use_given_weights(model_, *given->model, seed, given->source);
}

// The newest checkpoint that can be read. All that cannot are looked at before any is set aside.
void Trainer::resume(const AdamW::NamedTensors& moments) {
  auto checkpoints = list_checkpoints(folder_, Completeness::any);
  std::vector<std::pair<std::filesystem::path, std::string>> damaged;
  for (;; checkpoints.pop_back()) {
    if (checkpoints.empty()) fail("no checkpoint of this run can be read; of the newest: {}", damaged.front().second);
    try {
      require_complete(checkpoints.back().path);
      state_ = read_checkpoint(checkpoints.back().path, state_.configuration, model_, moments);
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
  if (ranks_->size() > 1) facts["processes"] = ranks_->size();
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
    ranks_->on_first([&] { link_checkpoints(folder_, best_to_keep()); });
  }
  while (state_.step < config_.train.steps && end == End::finished) {
    if (ranks_->any(cancel.cancelled()) || !train_step(cancel)) {
      end = End::interrupted;
      break;
    }
    if (is_late() && state_.step < config_.train.steps) end = End::out_of_time;
    const bool evaluation_due = is_due(config_.train.evaluate_every) || end == End::out_of_time;
    if (evaluation_due && !evaluate(cancel)) end = End::interrupted;
    const bool sample_due = config_.train.sample_every > 0 && state_.step % config_.train.sample_every == 0;
    if (is_due(config_.train.checkpoint_every) || sample_due || best_to_keep() == state_.step) save();
    observe({state_.step, state_.tokens, last_loss_, last_validation_, sample_due});
  }
  save();
  return {end, state_.step, state_.tokens, seconds(), last_validation_, state_.best};
}

// By the first rank's clock.
bool Trainer::is_late() {
  const double limit = 60 * config_.train.minutes;
  return limit > 0 && ranks_->any(ranks_->first() && running_.seconds() > limit);
}

std::optional<Trainer::Passes> Trainer::passes(const CancelToken& cancel) {
  const int64_t accumulation = config_.train.gradient_accumulation;
  // Ranks divide a pass as passes divide a step.
  const int64_t parts = accumulation * ranks_->size();
  Passes sum;
  for (int64_t i = 0; i < accumulation; ++i) {
    if (i > 0 && ranks_->any(cancel.cancelled())) {
      optimizer_.zero_grad();
      return std::nullopt;
    }
    auto [part, part_tokens] = data_->loss(model_, state_.step * accumulation + i);
    if (parts > 1) part = part / static_cast<double>(parts);
    sum.tokens += part_tokens;
    const torch::Tensor counted = part.detach().to(torch::kDouble);
    sum.loss = i == 0 ? counted : sum.loss + counted;
    if (i + 1 == accumulation) gradients_.begin();
    part.backward();
  }
  gradients_.end();
  if (ranks_->size() > 1) share_sums(sum);
  return sum;
}

void Trainer::share_sums(Passes& own) {
  const std::vector<double> sums = ranks_->sum({own.loss.item<double>(), static_cast<double>(own.tokens)});
  own.loss = torch::full({}, sums[0], torch::kDouble);
  own.tokens = std::llround(sums[1]);
}

bool Trainer::train_step(const CancelToken& cancel) {
  const Stopwatch step_time;
  ranks_->take_counters();
  const int64_t step = state_.step + 1;
  const bool at_once = device_.is_cpu();  // nothing is under way there
  const std::optional<Passes> done = passes(cancel);
  if (!done) return false;
  if (at_once) require_finite(step, "loss", done->loss.item<double>());
  const torch::Tensor norm = optimizer_.clip_without_waiting(config_.optimizer.clip);
  if (at_once) require_finite(step, "norm of the gradient", norm.item<double>());
  const double rate = config_.learning_rate().rate(step);
  optimizer_.set_learning_rate(rate);
  optimizer_.step();
  optimizer_.zero_grad();
  if (!at_once && step < config_.train.steps) {
    data_->prepare(step * config_.train.gradient_accumulation, device_);
  }
  pending_.add(step, done->loss, norm);
  recent_tokens_ += done->tokens;
  recent_seconds_ += step_time.seconds();
  recent_ += ranks_->take_counters();
  state_.tokens += done->tokens;
  count_step(rate);
  return true;
}

// Looks at the numbers of the steps since the last time, for which it waits.
void Trainer::settle() {
  const Stopwatch waiting;
  for (const StepNumbers& of : pending_.take()) {
    require_finite(of.step, "loss", of.loss);
    require_finite(of.step, "norm of the gradient", of.gradient_norm);
    last_loss_ = of.loss, last_norm_ = of.gradient_norm;
    ++state_.open.steps;
    state_.open.loss += of.loss;
  }
  recent_seconds_ += waiting.seconds();
}

void Trainer::count_step(double rate) {
  ++state_.step;
  if (device_.is_cpu() || is_due(config_.train.log_every)) settle();
  if (!is_due(config_.train.log_every)) return;
  const OpenInterval covered = std::exchange(state_.open, {});
  StepRecord record = {
      .step = state_.step,
      .tokens = state_.tokens,
      .loss = covered.loss / static_cast<double>(covered.steps),
      .learning_rate = rate,
      .gradient_norm = last_norm_,
      .tokens_per_second = static_cast<double>(std::exchange(recent_tokens_, 0)) / std::exchange(recent_seconds_, 0),
      .seconds = seconds()};
  const Communication exchanged = std::exchange(recent_, {});
  if (ranks_->size() > 1) {
    record.reduced_bytes = exchanged.reduced_bytes, record.hidden_bytes = exchanged.hidden_bytes;
    record.gathered_bytes = exchanged.gathered_bytes;
    record.communication_seconds = exchanged.busy_seconds, record.waited_seconds = exchanged.waited_seconds;
  }
  if (metrics_) metrics_->add(record);
}

void Trainer::require_finite(int64_t step, const char* what, double value) const {
  if (std::isfinite(value)) return;
  throw SharedError(
      fmt::format("step {}: the {} is {}; {}. {}", step, what, value, kDivergedAdvice, advice_after(step)));
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
  settle();
  state_.evaluation_due = true;
  const torch::NoGradGuard no_gradients;
  std::optional<ValidationRecord> record = data_->evaluate(model_, state_.step == config_.train.steps, cancel);
  if (!record) return false;
  require_finite(state_.step, "validation loss", record->loss);
  record->step = state_.step, record->tokens = state_.tokens;
  state_.evaluation_due = false;
  if (!state_.best || record->loss < state_.best->loss) state_.best = {state_.step, record->loss, record->accuracy};
  last_validation_ = record;
  if (metrics_) metrics_->add(*last_validation_);
  return true;
}

void Trainer::save() {
  settle();
  if (state_.step == saved_step_) return;
  const AdamW::NamedTensors moments = optimizer_.moments();
  ranks_->on_first([&] {
    metrics_->sync();  // a checkpoint's metrics must not be younger than it
    TrainerState state = state_;
    state.seconds = seconds();
    const KeptCheckpoints kept = {.newest = config_.train.keep_checkpoints, .best = best_to_keep()};
    commit_checkpoint(folder_, state.step, kept, [&](const std::filesystem::path& folder) {
      write_checkpoint(folder, state, model_, moments);
      data_->write_files(folder);
    });
  });
  saved_step_ = state_.step;
}

}  // namespace t6
