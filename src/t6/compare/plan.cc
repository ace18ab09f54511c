#include "t6/compare/plan.h"

#include <algorithm>
#include <set>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/formats/run_files.h"
#include "t6/model/costs.h"
#include "t6/model/presets.h"
#include "t6/model/toml.h"

namespace t6 {
namespace {

constexpr const char* kVocabulary = "vocab_size";
// Of runs: beyond it somebody has mistyped a list.
constexpr size_t kMostRuns = 10'000;
// What matching may choose.
constexpr const char* kSizes[] = {
    "num_attention_heads", "num_key_value_heads", "intermediate_size", "head_dim", "k_rank", "v_rank", "kv_lora_rank"};

std::string source_of(const Experiment& experiment, const std::string& model) {
  return fmt::format("{}: model \"{}\"", experiment.source, model);
}

// As a run's file is read.
ModelConfig model_of(const ModelEntry& entry, const std::string& source) {
  Json keys = entry.keys;
  ModelConfig model;
  if (keys.contains(run_keys::kPreset)) {
    model = preset(JsonObject(keys, source).string(run_keys::kPreset));
    keys.erase(run_keys::kPreset);
  }
  model = config_from_json(keys, source, model, /*strict=*/true);
  require_used_keys(keys, model, source);
  return model;
}

// As training makes it of the data.
ModelConfig with_data(ModelConfig model, const Json& keys, const DataSizes& sizes, const std::string& source) {
  require(!keys.contains(kVocabulary) || sizes.vocabulary <= model.vocab_size,
          "{}: \"{}\" is {}, and the data's vocabulary has {} tokens", source, kVocabulary, model.vocab_size,
          sizes.vocabulary);
  const bool whole = sizes.labels > 0 && !keys.contains(kVocabulary);
  if (whole || sizes.vocabulary > model.vocab_size) model.vocab_size = sizes.vocabulary;
  model.num_labels = sizes.labels;
  model.label_pairs = sizes.pairs;
  return model;
}

std::set<std::string> pinned_keys(const ModelEntry& entry) {
  std::set<std::string> keys;
  for (const auto& [key, value] : entry.keys.items()) keys.insert(key);
  return keys;
}

Configuration configuration_of(const Experiment& experiment, const ModelEntry& entry, const ModelConfig& given,
                               const std::optional<ModelConfig>& reference, const DataSizes& sizes) {
  const std::string source = source_of(experiment, entry.name);
  Configuration configuration = {
      .name = entry.name, .keys = entry.keys, .optimizer = entry.optimizer, .model = given, .changed = {}};
  if (reference) match_sizes(configuration.model, pinned_keys(entry), *reference, experiment.match, source);
  const Json before = config_to_json(given), after = config_to_json(configuration.model);
  for (const char* key : kSizes) {
    if (before[key] == after[key]) continue;
    const bool follows = std::string(key) == "num_key_value_heads" && given.attention_kind != AttentionKind::gqa;
    if (follows) continue;
    configuration.keys[key] = after[key];
    configuration.changed.push_back(fmt::format("{} {} -> {}", key, before[key].dump(), after[key].dump()));
  }
  configuration.keys[kVocabulary] = configuration.model.vocab_size;
  configuration.model =
      with_data(model_of({entry.name, configuration.keys, entry.optimizer}, source), configuration.keys, sizes, source);
  configuration.parameters = parameter_count(configuration.model);
  configuration.cache_bytes = cache_bytes(configuration.model, experiment.match.cache_type);
  return configuration;
}

std::optional<ModelConfig> reference_of(const Experiment& experiment, const std::vector<ModelConfig>& models,
                                        const DataSizes& sizes) {
  if (!experiment.match.any()) return {};
  for (size_t i = 0; i < models.size(); ++i) {
    if (experiment.models[i].name == experiment.reference) return models[i];
  }
  const Json none = Json::object();
  return with_data(preset(experiment.reference), none, sizes, experiment.source);
}

// Runs of the same seed see the same sequences only where these are equally long.
void require_one_context(const Experiment& experiment, const std::vector<ModelConfig>& models) {
  const Json train = experiment.shared.value(run_keys::kTrain, Json::object());
  if (train.contains("context") && train["context"] != 0) return;
  for (size_t i = 1; i < models.size(); ++i) {
    require(models[i].max_position_embeddings == models[0].max_position_embeddings,
            "{}: \"{}\" has {} positions and \"{}\" {}; train.context must say how long the sequences of all are",
            experiment.source, experiment.models[0].name, models[0].max_position_embeddings, experiment.models[i].name,
            models[i].max_position_embeddings);
  }
}

std::vector<ComparisonRun> all_runs(const Plan& plan) {
  std::vector<std::optional<double>> rates(plan.experiment.learning_rates.begin(),
                                           plan.experiment.learning_rates.end());
  if (rates.empty()) rates.emplace_back();
  const size_t count = plan.experiment.seeds.size() * rates.size() * plan.configurations.size();
  require(count <= kMostRuns, "{}: models, learning rates and seeds make {} runs; at most {} are taken",
          plan.experiment.source, count, kMostRuns);
  std::vector<ComparisonRun> runs;
  for (const int64_t seed : plan.experiment.seeds) {
    for (const auto& rate : rates) {
      for (size_t i = 0; i < plan.configurations.size(); ++i) {
        const std::string part = rate ? fmt::format("-lr={}", *rate) : "";
        runs.push_back({i, rate, seed, fmt::format("{}{}-seed={}", plan.configurations[i].name, part, seed)});
      }
    }
  }
  return runs;
}

}  // namespace

const Configuration& Plan::baseline() const {
  return *std::ranges::find(configurations, experiment.baseline, &Configuration::name);
}

Plan make_plan(const Experiment& experiment, const DataSizes& sizes) {
  std::vector<ModelConfig> models;
  for (const ModelEntry& entry : experiment.models) {
    const std::string source = source_of(experiment, entry.name);
    models.push_back(with_data(model_of(entry, source), entry.keys, sizes, source));
  }
  require_one_context(experiment, models);
  const std::optional<ModelConfig> reference = reference_of(experiment, models, sizes);
  Plan plan = {.experiment = experiment, .configurations = {}, .runs = {}};
  for (size_t i = 0; i < models.size(); ++i) {
    const bool itself = experiment.models[i].name == experiment.reference;
    plan.configurations.push_back(
        configuration_of(experiment, experiment.models[i], models[i], itself ? std::nullopt : reference, sizes));
  }
  plan.runs = all_runs(plan);
  return plan;
}

std::optional<double> learning_rate(const Plan& plan, const std::optional<double>& rate) {
  if (rate) return rate;
  const Json value = plan.experiment.shared.value(run_keys::kOptimizer, Json::object()).value("learning_rate", Json());
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::string run_toml(const Plan& plan, const ComparisonRun& run) {
  Json json = plan.experiment.shared;
  const Configuration& configuration = plan.configurations[run.configuration];
  json[run_keys::kModel] = configuration.keys;
  json[run_keys::kTrain]["seed"] = run.seed;
  if (!configuration.optimizer.empty()) json[run_keys::kOptimizer].update(configuration.optimizer);
  if (run.rate) json[run_keys::kOptimizer]["learning_rate"] = *run.rate;
  return to_toml(json);
}

}  // namespace t6
