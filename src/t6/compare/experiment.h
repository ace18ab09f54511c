// An experiment as its TOML file says it: what all runs share, and the models that are compared.
//
//   extends = "base/nano.toml"                 # optional, as in a run's file
//   [data] [optimizer] [schedule] [train]      # a run's sections, the same for all runs; [task] in the place of [data]
//   [compare]                                  # the fields of Experiment
//   [[model]]                                  # one or more: name, preset, any key of a run's [model]
//   k_rank = [1, 2, 4]                         # a list of values makes a model of each
//   optimizer.weight_decay = 0                 # keys of a run's [optimizer], for this model alone
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "t6/compare/match.h"
#include "t6/formats/json.h"

namespace t6 {

// One [[model]] with one value for each key.
struct ModelEntry {
  std::string name;  // letters, digits and "._=-": a folder may be called so
  Json keys;         // of [model] in a run's file
  Json optimizer;    // the keys of [optimizer] that this model alone has; an object
};

struct Experiment {
  std::string source;  // the file
  Json shared;         // data or task, optimizer, schedule and train, as in a run's file
  std::vector<ModelEntry> models;

  MatchRules match;
  std::string reference;  // "to": a model's name or a preset; what the sizes of all others are matched to
  std::string baseline;   // the model's name that differences are taken to
  std::vector<int64_t> seeds;
  std::vector<double> learning_rates;  // empty: that of [optimizer]
  std::vector<int64_t> search_seeds;   // of seeds: those that choose the learning rate; all, unless the file says less

  bool is_task() const;  // classifiers are compared
};

// Errors name the file, the key, what was found and what was wanted: an unknown key or section, an empty list, two
// models of one name, a key that the comparison sets itself (train.seed). The values of shared sections are judged
// where runs are trained.
Experiment read_experiment(const std::filesystem::path& path);
// The same of a file that was read.
Experiment experiment_from_json(const Json& json, const std::string& source);

}  // namespace t6
