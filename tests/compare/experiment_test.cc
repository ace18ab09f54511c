#include "t6/compare/experiment.h"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "t6/compare/grid.h"
#include "t6/compare/plan.h"
#include "t6/formats/run_files.h"
#include "t6/model/costs.h"
#include "t6/model/presets.h"
#include "t6/model/toml.h"
#include "tests/error_of.h"
#include "tests/source_dir.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kShared =
    "[data]\npath = \"data/kjv\"\n[train]\nsteps = 20\ncontext = 64\n[optimizer]\nclip = 1.0\n";

Experiment read(const std::string& text) {
  return experiment_from_json(parse_toml(kShared + text, "x.toml"), "x.toml");
}
std::string error_in(const std::string& text) {
  return error_of([&] { make_plan(read(text), {.vocabulary = 0}); });
}

std::vector<std::string> names(const Experiment& experiment) {
  std::vector<std::string> all;
  for (const ModelEntry& model : experiment.models) all.push_back(model.name);
  return all;
}

std::vector<std::string> run_names(const Plan& plan) {
  std::vector<std::string> all;
  for (const ComparisonRun& run : plan.runs) all.push_back(run.name);
  return all;
}

TEST(Grid, MakesAModelOfEachCombination) {
  const Experiment experiment =
      read("[[model]]\nname = \"tpa\"\npreset = \"nano-tpa\"\nk_rank = [1, 2]\nv_rank = [1, 3]\n");
  EXPECT_THAT(names(experiment), ElementsAre("tpa-k_rank=1-v_rank=1", "tpa-k_rank=1-v_rank=3", "tpa-k_rank=2-v_rank=1",
                                             "tpa-k_rank=2-v_rank=3"));
  EXPECT_EQ(experiment.models[1].keys["v_rank"], 3);
  EXPECT_EQ(experiment.models[1].keys["preset"], "nano-tpa");
  EXPECT_FALSE(experiment.models[1].keys.contains("name"));
}

TEST(Grid, TakesListsTogetherAndNamesFromPresets) {
  EXPECT_THAT(names(read("[[model]]\npreset = \"nano-tpa\"\ntogether = [\"k_rank\", \"v_rank\"]\nk_rank = [1, 2]\n"
                         "v_rank = [1, 2]\n[[model]]\npreset = [\"nano-mha\", \"nano-mla\"]\n")),
              ElementsAre("nano-tpa-k_rank=1-v_rank=1", "nano-tpa-k_rank=2-v_rank=2", "nano-mha", "nano-mla"));
}

TEST(Grid, TakesAListOfListsForKeysThatAreLists) {
  const std::string start = "[[model]]\nname = \"m\"\npreset = \"nano-mha\"\nnum_hidden_layers = 2\n";
  EXPECT_THAT(names(read(start + "no_rope_layers = [1, 0]\n")), ElementsAre("m"));
  EXPECT_THAT(names(read(start + "no_rope_layers = [[1, 0], [1, 1]]\n")),
              ElementsAre("m-no_rope_layers=1", "m-no_rope_layers=2"));
}

TEST(Plan, HasEveryModelRateAndSeed) {
  const Plan plan = make_plan(read("[compare]\nseeds = [7, 8]\nlearning_rates = [2e-3, 1e-3]\nsearch_seeds = [7]\n"
                                   "[[model]]\npreset = [\"nano-mha\", \"nano-tpa\"]\n"),
                              {.vocabulary = 0});
  EXPECT_THAT(run_names(plan),
              ElementsAre("nano-mha-lr=0.001-seed=7", "nano-tpa-lr=0.001-seed=7", "nano-mha-lr=0.002-seed=7",
                          "nano-tpa-lr=0.002-seed=7", "nano-mha-lr=0.001-seed=8", "nano-tpa-lr=0.001-seed=8",
                          "nano-mha-lr=0.002-seed=8", "nano-tpa-lr=0.002-seed=8"));
  EXPECT_EQ(plan.baseline().name, "nano-mha");
}

TEST(Plan, TakesTheVocabularyOfTheData) {
  const std::string model = "[[model]]\npreset = \"nano-tpa\"\n";
  EXPECT_EQ(make_plan(read(model), {.vocabulary = 1000}).configurations[0].model.vocab_size, 1000);
  EXPECT_EQ(make_plan(read(model), {.vocabulary = 100}).configurations[0].model.vocab_size, 257);
  EXPECT_THAT(error_of([&] { make_plan(read(model + "vocab_size = 300\n"), {.vocabulary = 1000}); }),
              HasSubstr("\"vocab_size\" is 300"));
}

// What the training wing would read of a run's file.
ModelConfig model_of(const std::string& toml) {
  Json keys = parse_toml(toml, "run.toml")["model"];
  const ModelConfig start = keys.contains("preset") ? preset(keys["preset"]) : ModelConfig();
  keys.erase("preset");
  const ModelConfig model = config_from_json(keys, "run.toml", start, /*strict=*/true);
  require_used_keys(keys, model, "run.toml");
  return model;
}

TEST(Plan, WritesRunFilesThatSayTheSame) {
  for (const char* match : {"parameters", "heads", "cache", "none"}) {
    const Plan plan =
        make_plan(read(std::string("[compare]\nmatch = \"") + match + "\"\nlearning_rates = [3e-3]\nseeds = [5]\n" +
                       "[[model]]\npreset = [\"nano-mha\", \"nano-mqa\", \"nano-gqa\", \"nano-mla\", \"nano-mfa\", "
                       "\"nano-tpa_kvonly\"]\n[[model]]\nname = \"t\"\npreset = \"nano-tpa\"\nk_rank = 1\n"
                       "head_activation = \"sigmoid\"\n"),
                  {.vocabulary = 300});
    for (const ComparisonRun& run : plan.runs) {
      const std::string text = run_toml(plan, run);
      const Configuration& configuration = plan.configurations[run.configuration];
      EXPECT_EQ(config_to_json(model_of(text)), config_to_json(configuration.model)) << match << "\n" << text;
      const Json file = parse_toml(text, "run.toml");
      EXPECT_EQ(file["train"]["seed"], 5);
      EXPECT_EQ(file["train"]["steps"], 20);
      EXPECT_EQ(file["optimizer"], Json({{"clip", 1.0}, {"learning_rate", 3e-3}}));
      EXPECT_EQ(file["data"]["path"], "data/kjv");
    }
  }
}

TEST(Plan, GivesAModelItsOwnOptimizer) {
  const Plan plan =
      make_plan(read("[[model]]\npreset = \"nano-mha\"\n[[model]]\npreset = \"nano-tpa\"\nk_rank = [1, 2]\n"
                     "optimizer.head_factor_learning_rate_scale = 0.1\n"),
                {.vocabulary = 0});
  ASSERT_EQ(plan.runs.size(), 3U);
  const auto optimizer = [&](size_t run) {
    return parse_toml(run_toml(plan, plan.runs[run]), "run.toml")["optimizer"];
  };
  EXPECT_EQ(optimizer(0), Json({{"clip", 1.0}}));
  for (const size_t run : {1, 2}) {
    EXPECT_EQ(optimizer(run), Json({{"clip", 1.0}, {"head_factor_learning_rate_scale", 0.1}}));
    EXPECT_FALSE(plan.configurations[run].keys.contains("optimizer"));
  }
}

// As training has it: the documents' own vocabulary, and a row for each label.
TEST(Plan, ClassifiersHaveTheSizesOfTheirTask) {
  const std::string task = "[task]\ntrain = \"train.jsonl\"\n";
  const std::string models = "[[model]]\npreset = \"nano-mha\"\n[[model]]\npreset = \"nano-tpa\"\n";
  const auto plan_of = [](const std::string& text) {
    return make_plan(experiment_from_json(parse_toml(text, "x.toml"), "x.toml"), {.vocabulary = 16, .labels = 10});
  };
  const Plan plan = plan_of(task + models);
  EXPECT_TRUE(plan.experiment.is_task());
  for (const Configuration& each : plan.configurations) {
    EXPECT_EQ(each.model.vocab_size, 16);
    EXPECT_EQ(each.model.num_labels, 10);
    EXPECT_NEAR(static_cast<double>(each.parameters), static_cast<double>(plan.configurations[0].parameters),
                0.01 * static_cast<double>(each.parameters));
  }
  const std::string text = run_toml(plan, plan.runs.front());
  EXPECT_THAT(text, HasSubstr("[task]\ntrain = \"train.jsonl\""));
  EXPECT_THAT(text, testing::Not(HasSubstr("num_labels"))) << "the task says it";
  EXPECT_EQ(plan_of(task + models + "vocab_size = 20\n").configurations[1].model.vocab_size, 20);
  EXPECT_THAT(error_of([&] { plan_of(task + "[data]\npath = \"d\"\n" + models); }), HasSubstr("has one of the two"));
  EXPECT_THAT(error_of([&] { plan_of("[task]\nformat = \"jsonl\"\n" + models); }),
              HasSubstr("task: \"train\" is missing"));
}

TEST(Plan, SaysWhatMatchingChose) {
  const Plan plan =
      make_plan(read("[[model]]\npreset = \"nano-mha\"\n[[model]]\npreset = \"nano-tpa\"\nk_rank = 1\nv_rank = 1\n"),
                {.vocabulary = 0});
  EXPECT_THAT(plan.configurations[0].changed, ElementsAre());
  EXPECT_THAT(plan.configurations[1].changed, testing::Contains(HasSubstr("num_attention_heads 5 -> 6")));
  EXPECT_NEAR(static_cast<double>(plan.configurations[1].parameters), 1'211'776, 12'117);
  EXPECT_EQ(plan.configurations[1].parameters, parameter_count(plan.configurations[1].model));
}

TEST(Experiment, RefusesWhatItDoesNotKnow) {
  const std::string model = "[[model]]\npreset = \"nano-tpa\"\n";
  const auto compare = [&](const std::string& keys) { return error_in("[compare]\n" + keys + "\n" + model); };
  EXPECT_THAT(error_in(""), HasSubstr("x.toml: there is no [[model]]"));
  EXPECT_THAT(error_in("[model]\npreset = \"nano-tpa\"\n"), HasSubstr("[model] is one model"));
  EXPECT_THAT(error_in("[tpa]\nx = 1\n" + model),
              HasSubstr("x.toml: the key \"tpa\" is not known; known are compare, data"));
  EXPECT_THAT(compare("sedes = [1]"), HasSubstr("x.toml: compare: the key \"sedes\" is not known; known are baseline"));
  EXPECT_THAT(compare("seeds = []"), HasSubstr("\"seeds\" is an empty list"));
  EXPECT_THAT(compare("seeds = [1, 1]"), HasSubstr("\"seeds\" holds 1 twice"));
  EXPECT_THAT(compare("seeds = [-1]"), HasSubstr("\"seeds\""));
  EXPECT_THAT(compare("learning_rates = [\"high\"]"), HasSubstr("\"learning_rates\""));
  EXPECT_THAT(compare("search_seeds = [0]"), HasSubstr("of which there are not several"));
  EXPECT_THAT(compare("learning_rates = [1e-3, 2e-3]\nsearch_seeds = [4]"),
              HasSubstr("holds 4, which is none of \"seeds\""));
  EXPECT_THAT(compare("match = \"size\""),
              HasSubstr("\"match\" holds \"size\"; wanted is parameters, heads, cache or none"));
  EXPECT_THAT(compare("match = [\"heads\", \"cache\"]"), HasSubstr("cannot both be chosen"));
  EXPECT_THAT(compare("match = \"none\"\nto = \"nano-mha\""), HasSubstr("\"match\" is none"));
  EXPECT_THAT(compare("to = \"nano-xha\""),
              HasSubstr("\"to\" is \"nano-xha\", which is neither a preset nor one of the models"));
  EXPECT_THAT(compare("baseline = \"mha\""), HasSubstr("\"baseline\" is \"mha\", and the models are nano-tpa"));
  EXPECT_THAT(compare("cache_type = \"int7\""), HasSubstr("int7"));
  EXPECT_THAT(error_in(model + model), HasSubstr("two models are called \"nano-tpa\""));
}

TEST(Experiment, RefusesModelsThatCannotBe) {
  const auto with = [&](const std::string& keys) { return error_in("[[model]]\npreset = \"nano-tpa\"\n" + keys); };
  EXPECT_THAT(with("k_rnak = 1\n"), HasSubstr("x.toml: model \"nano-tpa\": the key \"k_rnak\" is not known"));
  EXPECT_THAT(with("optimizer.learning_rate = 1e-3\n"), HasSubstr("\"learning_rate\" is the same for all models"));
  EXPECT_THAT(with("optimizer = 1\n"), HasSubstr("optimizer: wanted a JSON object, found 1"));
  EXPECT_THAT(with("k_rank = []\n"), HasSubstr("[[model]] 1: \"k_rank\" is an empty list"));
  EXPECT_THAT(with("k_rank = 0\n"), HasSubstr("\"k_rank\""));
  EXPECT_THAT(with("kv_lora_rank = 3\n"), HasSubstr("\"kv_lora_rank\" and \"qk_rope_head_dim\" are for mla"));
  EXPECT_THAT(with("name = \"a/b\"\n"), HasSubstr("\"a/b\" is no name for a model"));
  EXPECT_THAT(with("name = \"..\"\n"), HasSubstr("\"..\" is no name for a model"));
  EXPECT_THAT(with("together = [\"k_rank\", \"v_rank\"]\nk_rank = [1, 2]\nv_rank = [1]\n"),
              HasSubstr("\"k_rank\" has 2 values and \"v_rank\" 1"));
  EXPECT_THAT(with("together = [\"k_rank\", \"q_rank\"]\nk_rank = [1, 2]\n"),
              HasSubstr("\"together\" names \"q_rank\""));
  EXPECT_THAT(error_in("[[model]]\nk_rank = 1\n"), HasSubstr("it has neither \"name\" nor \"preset\""));
  EXPECT_THAT(error_in("[[model]]\npreset = \"huge-tpa\"\n"), HasSubstr("no preset is called \"huge-tpa\""));
}

TEST(Experiment, RefusesWhatWouldMakeRunsUnequal) {
  const auto shared = [](const std::string& text) {
    return error_of([&] {
      make_plan(experiment_from_json(parse_toml(text + "[[model]]\npreset = [\"nano-mha\", \"micro-mha\"]\n", "x.toml"),
                                     "x.toml"),
                {.vocabulary = 0});
    });
  };
  EXPECT_THAT(shared("[train]\nseed = 1\n[data]\npath = \"d\"\n"), HasSubstr("\"seed\" is set by \"seeds\""));
  EXPECT_THAT(shared("[train]\nminutes = 1\n[data]\npath = \"d\"\n"),
              HasSubstr("\"minutes\" would give runs different"));
  EXPECT_THAT(shared("[train]\nsteps = 1\n"), HasSubstr("data: \"path\" is missing"));
  EXPECT_THAT(shared("[data]\npath = \"d\"\n[compare]\nmatch = \"none\"\n"),
              HasSubstr("train.context must say how long"));
}

TEST(Experiment, ExtendsAFile) {
  const TemporaryFolder folder;
  folder.write("base.toml", "[data]\npath = \"d\"\n[train]\nsteps = 5\n[model]\npreset = \"nano-mha\"\n");
  const auto file =
      folder.write("own.toml", "extends = \"base.toml\"\n[train]\nsteps = 7\n[[model]]\npreset = \"nano-tpa\"\n");
  const Experiment experiment = read_experiment(file);
  EXPECT_EQ(experiment.shared["train"]["steps"], 7);
  EXPECT_THAT(names(experiment), ElementsAre("nano-tpa"));
}

TEST(Experiment, ThoseInTheFolderOfConfigurationsAreSound) {
  const std::map<std::string, std::pair<size_t, size_t>> wanted = {
      {"compare-nano", {6, 18}},         {"compare-small-scale", {5, 15}},
      {"compare-small-grouped", {1, 3}}, {"compare-recall", {5, 60}},
      {"compare-listops", {4, 12}},      {"evidence/kinds", {11, 132}},
      {"evidence/heads", {5, 15}},       {"evidence/cache", {5, 45}},
      {"evidence/book", {3, 9}},         {"evidence/rates", {4, 36}},
      {"evidence/micro", {5, 20}},       {"evidence/recall-options", {7, 14}}};  // models, runs
  for (const auto& [name, sizes] : wanted) {
    const Plan plan =
        make_plan(read_experiment(source_dir() / fmt::format("configs/{}.toml", name)), {.vocabulary = 257});
    EXPECT_EQ(std::pair(plan.configurations.size(), plan.runs.size()), sizes) << name;
  }
}

}  // namespace
}  // namespace t6
