// What an experiment comes to: its models with all their sizes, and the runs that train them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "t6/compare/experiment.h"
#include "t6/model/config.h"

namespace t6 {

// A model of the comparison, its sizes matched.
struct Configuration {
  std::string name;
  Json keys;          // of [model] in its runs' files: those given, those chosen, the vocabulary
  Json optimizer;     // of [optimizer]: what differs from the other models
  ModelConfig model;  // what these come to
  int64_t parameters = 0;
  int64_t cache_bytes = 0;           // per token, in the experiment's type
  std::vector<std::string> changed;  // "intermediate_size 341 -> 338": what matching chose
};

// One training run.
struct ComparisonRun {
  size_t configuration = 0;    // its place in Plan::configurations
  std::optional<double> rate;  // a learning rate of the experiment's; nothing where it names none
  int64_t seed = 0;
  std::string name;  // of its folder: "tpa-lr=0.001-seed=1"
};

struct Plan {
  Experiment experiment;
  std::vector<Configuration> configurations;  // in the order of the file
  std::vector<ComparisonRun> runs;            // all that may be wanted: every rate and seed; by seed first

  const Configuration& baseline() const;
};

// What the data say of the sizes of a model.
struct DataSizes {
  int64_t vocabulary = 0;  // 0: they do not say
  int64_t labels = 0;      // of a task; 0: token shards
  bool pairs = false;      // a label is of two documents
};

// The models with their sizes matched to the reference. Models whose file does not name a vocabulary have no less than
// the data's, and of a task just that, as in training. Errors: those of presets and configurations, keys that a
// kind does not use, sizes that cannot be matched, models of different contexts where train.context does not say which
// is used.
Plan make_plan(const Experiment& experiment, const DataSizes& sizes);

// The learning rate of a run: the comparison's own, or what [optimizer] says for all; nothing where neither does.
std::optional<double> learning_rate(const Plan& plan, const std::optional<double>& rate);

// The file of a run, as 't6 train' takes it.
std::string run_toml(const Plan& plan, const ComparisonRun& run);

}  // namespace t6
