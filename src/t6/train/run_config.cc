#include "t6/train/run_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/threads.h"
#include "t6/formats/json.h"
#include "t6/formats/run_files.h"
#include "t6/model/presets.h"
#include "t6/model/toml.h"
#include "t6/train/device.h"

namespace t6 {
namespace {

// Bounds that keep products of these numbers inside int64.
constexpr int64_t kMaxSteps = int64_t{1} << 40;
constexpr int64_t kMaxBatch = int64_t{1} << 16;
constexpr int64_t kMostClasses = int64_t{1} << 16;

// The one list of fields: reading, writing and the check for unknown keys all go through it.
template <typename Run, typename Visitor>
void visit_fields(Run& run, Visitor&& visit) {
  visit(run_keys::kData, run_keys::kPath, run.data.path);
  const auto task = [&](const char* key, auto& field, auto... bounds) {
    visit(run_keys::kTask, key, field, bounds...);
  };
  task(task_keys::kTrain, run.task.documents.train);
  task(task_keys::kValidation, run.task.documents.validation);
  task(task_keys::kTest, run.task.documents.test);
  task(task_keys::kFormat, run.task.documents.format);
  task(task_keys::kTokenizer, run.task.documents.tokenizer);
  task(task_keys::kClasses, run.task.documents.classes, int64_t{0}, kMostClasses);
  task("pooling", run.task.pooling);
  task("bidirectional", run.task.bidirectional);
  const auto optimizer = [&](const char* key, auto& field, auto... bounds) {
    visit(run_keys::kOptimizer, key, field, bounds...);
  };
  optimizer("learning_rate", run.optimizer.adamw.learning_rate, 0.0, 1e3);
  optimizer("beta1", run.optimizer.adamw.beta1, 0.0, 0.999999);
  optimizer("beta2", run.optimizer.adamw.beta2, 0.0, 0.999999);
  optimizer("eps", run.optimizer.adamw.epsilon, 1e-30, 1.0);
  optimizer("weight_decay", run.optimizer.adamw.weight_decay, 0.0, 1e3);
  optimizer("head_factor_learning_rate_scale", run.optimizer.adamw.head_factor_learning_rate_scale, 0.0, 1e3);
  optimizer("decay_matrices_only", run.optimizer.adamw.decay_matrices_only);
  optimizer("clip", run.optimizer.clip, 0.0, 1e9);
  visit("schedule", "kind", run.schedule.kind);
  visit("schedule", "decay_steps", run.schedule.decay_steps, int64_t{0}, kMaxSteps);
  visit("schedule", "warmup_steps", run.schedule.warmup_steps, int64_t{0}, kMaxSteps);
  visit("schedule", "minimum_learning_rate", run.schedule.minimum_learning_rate, 0.0, 1e3);
  const auto train = [&](const char* key, auto& field, auto... bounds) {
    visit(run_keys::kTrain, key, field, bounds...);
  };
  train(run_keys::kSteps, run.train.steps, int64_t{1}, kMaxSteps);
  train(run_keys::kBatchSize, run.train.batch_size, int64_t{1}, kMaxBatch);
  train(run_keys::kAccumulation, run.train.gradient_accumulation, int64_t{1}, kMaxBatch);
  train(run_keys::kContext, run.train.context, int64_t{0}, int64_t{1} << 24);
  train("seed", run.train.seed, int64_t{0}, INT64_MAX);
  train("dtype", run.train.dtype);
  train("attention", run.train.attention);
  train("recompute", run.train.recompute);
  train("device", run.train.device);
  train("threads", run.train.threads, int64_t{0}, int64_t{kMostThreads});
  train("log_every", run.train.log_every, int64_t{1}, kMaxSteps);
  train(run_keys::kEvaluateEvery, run.train.evaluate_every, int64_t{0}, kMaxSteps);
  train(run_keys::kEvaluateWindows, run.train.evaluate_windows, int64_t{0}, int64_t{1} << 32);
  train("checkpoint_every", run.train.checkpoint_every, int64_t{0}, kMaxSteps);
  train("keep_checkpoints", run.train.keep_checkpoints, int64_t{0}, int64_t{1} << 32);
  train("keep_best", run.train.keep_best);
  train("sample_every", run.train.sample_every, int64_t{0}, kMaxSteps);
  train("sample_prompt", run.train.sample_prompt);
  train("minutes", run.train.minutes, 0.0, 1e9);
}

void read_field(const JsonObject& section, const char* key, std::string& field) { field = section.string(key); }
void read_field(const JsonObject& section, const char* key, bool& field) { field = section.boolean(key); }
void read_field(const JsonObject& section, const char* key, int64_t& field, int64_t minimum, int64_t maximum) {
  field = section.integer(key, minimum, maximum);
}
void read_field(const JsonObject& section, const char* key, double& field, double minimum, double maximum) {
  field = section.number(key, minimum, maximum);
}

void require_known(const JsonObject& object, const std::set<std::string>& known) {
  for (const auto& [key, value] : object.json().items()) {
    require(known.contains(key), "{}: the key \"{}\" is not known; known are {}", object.source(), key,
            fmt::join(known, ", "));
  }
}

void read_fields(const JsonObject& file, RunConfig& config) {
  std::map<std::string, std::set<std::string>> known;
  visit_fields(config, [&](const char* section, const char* key, auto& field, auto... bounds) {
    known[section].insert(key);
    if (!file.has(section)) return;
    const JsonObject object = file.object(section);
    if (object.has(key)) read_field(object, key, field, bounds...);
  });
  for (const auto& [section, keys] : known) {
    if (file.has(section)) require_known(file.object(section), keys);
  }
}

// Of a run.json's model what its own preset does not say, but for the attention.
Json changes_of_preset(const JsonObject& model) {
  Json changes = Json::object();
  const std::string name = model.string_or(run_keys::kPreset, "");
  if (!is_preset(name)) return changes;
  const Json before = config_to_json(preset(name));
  for (const auto& [key, value] : model.json().items()) {
    const bool size = is_attention_key(key) || key == "intermediate_size";  // presets choose both for a kind
    if (key != run_keys::kPreset && before.value(key, Json()) != value && !size) changes[key] = value;
  }
  return changes;
}

// Puts a preset of the command line into the place of the file's.
void replace_preset(Json& json, const std::string& source, bool from_run, const Json& model) {
  if (!model.contains(run_keys::kPreset) || !json.contains(run_keys::kModel)) return;
  Json& before = json[run_keys::kModel];
  if (from_run) before = changes_of_preset(JsonObject(before, source + ": model"));
  if (before.is_object()) before.erase("attention_kind");
}

struct ModelSource {
  bool from_run;
  const Json& settings;  // the command line's keys of the model
  const std::optional<ModelConfig>& given;
};

void read_model(const JsonObject& file, const ModelSource& from, RunConfig& config) {
  require(file.has(run_keys::kModel) || from.given,
          "{}: the section [model] is missing; it names a preset or a model's sizes", file.source());
  if (from.given) config.model = *from.given;
  if (!file.has(run_keys::kModel)) return;
  const JsonObject section = file.object(run_keys::kModel);
  Json keys = section.json();
  if (section.has(run_keys::kPreset)) {
    config.preset = section.string(run_keys::kPreset);
    config.model = preset(config.preset);
    keys.erase(run_keys::kPreset);
  }
  config.own_vocab = section.has("vocab_size");
  const AttentionKind kind = config.model.attention_kind;
  // run.json holds the whole of a config.json, with keys of other programs.
  config.model = config_from_json(keys, section.source(), config.model, /*strict=*/!from.from_run);
  require_used_keys(from.from_run ? from.settings : keys, config.model, section.source());
  if (config.model.attention_kind != kind) config.preset.clear();  // it is that preset's model no more
}

// The data of a run that is gone on with from another folder than the one it began in.
void find_data(const JsonObject& file, const std::string& source, RunConfig& config) {
  const std::string given = config.data.path;
  std::error_code ignored;
  if (given.empty() || std::filesystem::exists(given, ignored)) return;
  const JsonObject facts = file.object(run_keys::kFacts);
  const std::string whole = facts.string_or(run_keys::kDataFolder, "");
  require(!whole.empty() && std::filesystem::exists(whole, ignored),
          "{}: data: \"path\" is {}, and there is nothing{}; --data names the folder where the data is now", source,
          given, std::filesystem::path(given).is_relative() ? ", seen from this folder" : "");
  config.data.path = whole;
}

// And the files of a task.
void find_task_files(const JsonObject& file, RunConfig& config) {
  const JsonObject facts = file.object(run_keys::kFacts);
  if (!facts.has(run_keys::kTaskFiles)) return;
  const JsonObject files = facts.object(run_keys::kTaskFiles);
  const auto find = [&](std::string& path, const char* key) {
    if (!path.empty() && !path_exists(path)) path = files.string_or(key, path);
  };
  find(config.task.documents.train, task_keys::kTrain);
  find(config.task.documents.validation, task_keys::kValidation);
  find(config.task.documents.test, task_keys::kTest);
}

void check_schedule(RunConfig& config, const std::string& source) {
  ScheduleConfig& schedule = config.schedule;
  require(schedule.warmup_steps <= config.train.steps,
          "{}: schedule: \"warmup_steps\" must be at most train.steps, {}, not {}", source, config.train.steps,
          schedule.warmup_steps);
  require(schedule.minimum_learning_rate <= config.optimizer.adamw.learning_rate,
          "{}: schedule: \"minimum_learning_rate\" must be at most optimizer.learning_rate, {}, not {}", source,
          config.optimizer.adamw.learning_rate, schedule.minimum_learning_rate);
  const ScheduleKind kind = parse_schedule_kind(schedule.kind, source + ": schedule: \"kind\"");
  require(kind == ScheduleKind::wsd || schedule.decay_steps == 0,
          "{}: schedule: \"decay_steps\" is for the kind wsd, not {}", source, schedule.kind);
  if (kind == ScheduleKind::wsd && schedule.decay_steps == 0) {
    schedule.decay_steps = std::min((config.train.steps + 9) / 10, config.train.steps - schedule.warmup_steps);
  }
  require(schedule.decay_steps <= config.train.steps - schedule.warmup_steps,
          "{}: schedule: \"decay_steps\" must be at most the steps after warm-up, {}, not {}", source,
          config.train.steps - schedule.warmup_steps, schedule.decay_steps);
}

// What a run learns from: token shards or documents with labels, and not both.
void check_data(const RunConfig& config, const std::string& source) {
  if (!config.is_task()) {
    require(!config.data.path.empty(), "{}: data: \"path\" is missing; it names a folder that 't6 prepare' made",
            source);
    require(!config.model.is_classifier(),
            "{}: model: \"num_labels\" is {}: a classifier learns from [task], not [data]", source,
            config.model.num_labels);
    return;
  }
  require(config.data.path.empty(),
          "{}: there are documents with labels in [task] and token shards in [data] (\"{}\"); a run has one of the two",
          source, config.data.path);
  labelled_format(config.task.documents.format, source + ": task: \"format\"");
  parse_label_pooling(config.task.pooling, source + ": task: \"pooling\"");
  require(config.train.sample_every == 0,
          "{}: train: \"sample_every\" is for models that write; [task] trains a classifier", source);
  require(!config.task.bidirectional || config.train.attention == "sdpa",
          "{}: task: \"bidirectional\" needs attention = \"sdpa\" in [train]; the fused kernels look back only",
          source);
}

Execution execution_of(const TrainConfig& train, const std::string& source) {
  return {parse_attention_path(train.attention, source + "train: \"attention\""),
          parse_precision(train.dtype, source + "train: \"dtype\""),
          parse_recompute(train.recompute, source + "train: \"recompute\"")};
}

void check(RunConfig& config, const std::string& source) {
  check_data(config, source);
  execution_of(config.train, source + ": ");
  parse_device(config.train.device, source + ": train: \"device\"");
  auto& context = config.train.context;
  if (context == 0) context = config.model.max_position_embeddings;
  require(context <= config.model.max_position_embeddings,
          "{}: train: \"context\" must be at most the model's max_position_embeddings, {}, not {}", source,
          config.model.max_position_embeddings, context);
  check_schedule(config, source);
  require(
      config.model.is_factored() || config.optimizer.adamw.head_factor_learning_rate_scale == 1,
      "{}: optimizer: \"head_factor_learning_rate_scale\" is for tpa and tpa_kvonly; a model of kind {} has no head "
      "factors that learn",
      source, attention_kind_name(config.model.attention_kind));
}

// Keys that hold a string, whatever their value looks like.
bool holds_text(const std::string& section, const std::string& name) {
  if (section == run_keys::kModel && name == run_keys::kPreset) return true;
  bool text = false;
  RunConfig any;
  visit_fields(any, [&](const char* of, const char* key, auto& field, auto...) {
    if (std::is_same_v<std::remove_reference_t<decltype(field)>, std::string> && section == of && name == key)
      text = true;
  });
  return text;
}

Json value_of(const Setting& setting, bool text) {
  const bool quoted = setting.value.starts_with('"') || setting.value.starts_with('\'');
  if (setting.literal || (text && !quoted)) return setting.value;
  const Json value = parse_toml_value(setting.value);
  return text && !value.is_string() ? Json(setting.value) : value;
}

void apply(Json& json, const Setting& setting) {
  const size_t dot = setting.key.find('.');
  const std::string section = setting.key.substr(0, dot), name = setting.key.substr(dot + 1);
  if (!json.contains(section)) json[section] = Json::object();
  if (json[section].is_object()) json[section][name] = value_of(setting, holds_text(section, name));
}

}  // namespace

Schedule RunConfig::learning_rate() const {
  return {.maximum = optimizer.adamw.learning_rate,
          .minimum = schedule.minimum_learning_rate,
          .warmup_steps = schedule.warmup_steps,
          .steps = train.steps,
          .kind = parse_schedule_kind(schedule.kind, "schedule: \"kind\""),
          .decay_steps = schedule.decay_steps};
}

Execution RunConfig::execution() const { return execution_of(train, ""); }

Setting parse_setting(const std::string& text) {
  const size_t equals = text.find('=');
  const size_t dot = text.substr(0, equals).find('.');
  require(equals != std::string::npos && dot != std::string::npos && dot > 0 && dot + 1 < equals,
          "\"{}\" is not a setting; wanted SECTION.KEY=VALUE, for example train.steps=100", text);
  return {.key = text.substr(0, equals), .value = text.substr(equals + 1)};
}

RunConfig load_run_config(const std::filesystem::path& path, const std::vector<Setting>& settings,
                          const std::optional<ModelConfig>& given) {
  const bool from_run = std::filesystem::is_directory(path);
  const auto file_path = from_run ? path / kRunFile : path;
  Json json = from_run ? read_json(file_path) : read_toml(file_path);
  std::string source = file_path.string();
  if (!settings.empty()) source += " (with the command line's settings)";
  Json changes = Json::object();
  for (const Setting& setting : settings) apply(changes, setting);
  const Json model = changes.value(run_keys::kModel, Json::object());
  replace_preset(json, source, from_run, model);
  for (const Setting& setting : settings) apply(json, setting);

  const JsonObject file(json, source);
  std::set<std::string> sections = {run_keys::kModel,     run_keys::kData, run_keys::kTask,
                                    run_keys::kOptimizer, "schedule",      run_keys::kTrain};
  if (from_run) sections.insert(run_keys::kFacts);
  require_known(file, sections);

  RunConfig config;
  read_model(file, {from_run, model, given}, config);
  read_fields(file, config);
  const bool own_data = changes.contains(run_keys::kData);
  if (from_run && !own_data && file.has(run_keys::kFacts)) find_data(file, source, config);
  if (from_run && !changes.contains(run_keys::kTask) && file.has(run_keys::kFacts)) find_task_files(file, config);
  require(config.is_task() || !file.has(run_keys::kTask),
          "{}: task: \"train\" is missing; it names a file of documents with labels", source);
  const bool all_by_itself =
      !file.has(run_keys::kTrain) || !file.object(run_keys::kTrain).has(run_keys::kEvaluateWindows);
  if (config.is_task() && all_by_itself) config.train.evaluate_windows = 0;
  check(config, source);
  return config;
}

Json to_json(const RunConfig& config) {
  Json json;
  json[run_keys::kModel] = config_to_json(config.model);
  if (!config.preset.empty()) json[run_keys::kModel][run_keys::kPreset] = config.preset;
  visit_fields(config,
               [&](const char* section, const char* key, const auto& field, auto...) { json[section][key] = field; });
  if (config.is_task()) {
    json[run_keys::kData] = Json::object();
  } else {
    json.erase(run_keys::kTask);
  }
  return json;
}

}  // namespace t6
