#include "t6/compare/experiment.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "t6/compare/grid.h"
#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/formats/run_files.h"
#include "t6/labelled/labelled_task.h"
#include "t6/model/presets.h"
#include "t6/model/toml.h"
#include "t6/numbers/cache_type.h"

namespace t6 {
namespace {

constexpr const char* kCompare = "compare";
constexpr size_t kMostValues = 1000;  // of a list

void require_known(const JsonObject& object, const std::set<std::string>& known) {
  for (const auto& [key, value] : object.json().items()) {
    require(known.contains(key), "{}: the key \"{}\" is not known; known are {}", object.source(), key,
            fmt::join(known, ", "));
  }
}

// The values of a key, a list or one value, in their order and each once.
Json list_of(const JsonObject& object, const char* key) {
  const Json& value = object.at(key);
  const Json list = value.is_array() ? value : Json::array({value});
  require(!list.empty(), "{}: \"{}\" is an empty list", object.source(), key);
  require(list.size() <= kMostValues, "{}: \"{}\" has {} values, at most {} are taken", object.source(), key,
          list.size(), kMostValues);
  for (size_t i = 0; i < list.size(); ++i) {
    require(std::find(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i), list[i]) ==
                list.begin() + static_cast<std::ptrdiff_t>(i),
            "{}: \"{}\" holds {} twice", object.source(), key, list[i].dump());
  }
  return list;
}

std::vector<int64_t> integers_of(const JsonObject& object, const char* key, std::vector<int64_t> fallback) {
  if (!object.has(key)) return fallback;
  std::vector<int64_t> values;
  for (const Json& item : list_of(object, key)) {
    values.push_back(JsonObject({{key, item}}, object.source()).integer(key, 0, INT64_MAX));
  }
  return values;
}

std::vector<double> rates_of(const JsonObject& object, const char* key) {
  std::vector<double> values;
  if (!object.has(key)) return values;
  for (const Json& item : list_of(object, key)) {
    values.push_back(JsonObject({{key, item}}, object.source()).number(key, 0, 1e3));
  }
  std::sort(values.begin(), values.end());
  return values;
}

MatchRules match_of(const JsonObject& object) {
  MatchRules rules;
  bool none = false;
  const auto take = [&](const std::string& word) {
    bool* rule = word == "parameters" ? &rules.parameters
                 : word == "heads"    ? &rules.heads
                 : word == "cache"    ? &rules.cache
                 : word == "none"     ? &none
                                      : nullptr;
    require(rule != nullptr, "{}: \"match\" holds \"{}\"; wanted is parameters, heads, cache or none", object.source(),
            word);
    *rule = true;
  };
  if (object.has("match")) {
    for (const Json& item : list_of(object, "match"))
      take(JsonObject({{"match", item}}, object.source()).string("match"));
  } else {
    rules.parameters = true;
  }
  require(!none || !rules.any(), "{}: \"match\" is none and something else", object.source());
  require(!(rules.heads && rules.cache),
          "{}: \"match\" is heads and cache, which cannot both be chosen; either goes with "
          "parameters",
          object.source());
  rules.cache_type = parse_cache_type(object.string_or("cache_type", "bfloat16"));
  return rules;
}

void read_compare(const JsonObject& object, Experiment& experiment) {
  require_known(object, {"match", "to", "baseline", "seeds", "learning_rates", "search_seeds", "cache_type"});
  experiment.match = match_of(object);
  experiment.seeds = integers_of(object, "seeds", {0});
  experiment.learning_rates = rates_of(object, "learning_rates");
  experiment.search_seeds = integers_of(object, "search_seeds", experiment.seeds);
  require(!object.has("search_seeds") || experiment.learning_rates.size() > 1,
          "{}: \"search_seeds\" choose among \"learning_rates\", of which there are not several", object.source());
  for (const int64_t seed : experiment.search_seeds) {
    require(std::ranges::count(experiment.seeds, seed) > 0, "{}: \"search_seeds\" holds {}, which is none of \"seeds\"",
            object.source(), seed);
  }
  require(experiment.match.any() || !object.has("to"),
          "{}: \"to\" names what sizes are matched to, and \"match\" is none", object.source());
  experiment.baseline = object.string_or("baseline", experiment.models.front().name);
  experiment.reference = object.string_or("to", experiment.baseline);
}

std::string names_of(const Experiment& experiment) {
  std::vector<std::string> names;
  for (const ModelEntry& model : experiment.models) names.push_back(model.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

bool has_model(const Experiment& experiment, const std::string& name) {
  return std::ranges::count(experiment.models, name, &ModelEntry::name) > 0;
}

void read_models(const JsonObject& file, Experiment& experiment) {
  require(file.has(run_keys::kModel), "{}: there is no [[model]]; one or more say what is compared", file.source());
  const Json& list = file.at(run_keys::kModel);
  require(list.is_array(), "{}: [model] is one model; an experiment has them in [[model]]", file.source());
  for (size_t i = 0; i < list.size(); ++i) {
    for (ModelEntry& model : expand_models(list[i], fmt::format("{}: [[model]] {}", file.source(), i + 1))) {
      require(!has_model(experiment, model.name), "{}: two models are called \"{}\"; give them a \"name\"",
              file.source(), model.name);
      experiment.models.push_back(std::move(model));
    }
  }
  require(!experiment.models.empty(), "{}: there is no [[model]]; one or more say what is compared", file.source());
}

// Sections of runs that all have in common, without what the comparison sets or what would make runs unequal.
void read_shared(const JsonObject& file, Experiment& experiment) {
  experiment.shared = Json::object();
  for (const char* section : {run_keys::kData, run_keys::kTask, run_keys::kOptimizer, "schedule", run_keys::kTrain}) {
    if (file.has(section)) experiment.shared[section] = file.object(section).json();
  }
  const JsonObject shared(experiment.shared, file.source());
  if (experiment.is_task()) {
    require(!shared.has(run_keys::kData), "{}: there are a [task] and [data]; an experiment has one of the two",
            file.source());
    require(shared.object(run_keys::kTask).has(task_keys::kTrain),
            "{}: task: \"train\" is missing; it names a file of documents with labels", file.source());
  } else {
    require(shared.has(run_keys::kData) && shared.object(run_keys::kData).has(run_keys::kPath),
            "{}: data: \"path\" is missing; it names a folder that 't6 prepare' made", file.source());
  }
  if (!shared.has(run_keys::kTrain)) return;
  const JsonObject train = shared.object(run_keys::kTrain);
  require(!train.has("seed"), "{}: train: \"seed\" is set by \"seeds\" in [compare]", file.source());
  require(!train.has("minutes"), "{}: train: \"minutes\" would give runs different numbers of tokens", file.source());
}

}  // namespace

bool Experiment::is_task() const { return shared.contains(run_keys::kTask); }

Experiment experiment_from_json(const Json& json, const std::string& source) {
  const JsonObject file(json, source);
  require_known(file, {kCompare, run_keys::kModel, run_keys::kData, run_keys::kTask, run_keys::kOptimizer, "schedule",
                       run_keys::kTrain});
  Experiment experiment;
  experiment.source = source;
  read_shared(file, experiment);
  read_models(file, experiment);
  const Json none = Json::object();
  const Json& compare = file.has(kCompare) ? file.object(kCompare).json() : none;
  read_compare(JsonObject(compare, source + ": compare"), experiment);
  require(has_model(experiment, experiment.baseline), "{}: compare: \"baseline\" is \"{}\", and the models are {}",
          source, experiment.baseline, names_of(experiment));
  require(has_model(experiment, experiment.reference) || is_preset(experiment.reference),
          "{}: compare: \"to\" is \"{}\", which is neither a preset nor one of the models {}", source,
          experiment.reference, names_of(experiment));
  return experiment;
}

Experiment read_experiment(const std::filesystem::path& path) {
  return experiment_from_json(read_toml(path), path.string());
}

}  // namespace t6
