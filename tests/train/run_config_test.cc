#include "t6/train/run_config.h"

#include <gmock/gmock.h>

#include <set>

#include "t6/model/presets.h"
#include "tests/source_dir.h"
#include "tests/train/sample_run.h"

namespace t6 {
namespace {

using testing::HasSubstr;

constexpr const char* kSmall = "[model]\npreset = \"nano-tpa\"\n[data]\npath = \"data/kjv\"\n";

std::string error_in(const std::string& text, const std::vector<Setting>& settings = {}) {
  const TemporaryFolder folder;
  const auto path = folder.write("run.toml", text);
  return error_of([&] { load_run_config(path, settings); });
}

TEST(RunConfig, ReadsEverySectionAndKeepsDefaults) {
  const TemporaryFolder folder;
  const RunConfig config = load_run_config(folder.write("run.toml", std::string(kSmall) + R"(
[optimizer]
learning_rate = 3e-3
decay_matrices_only = true
[schedule]
warmup_steps = 20
[train]
steps = 1_000
batch_size = 4
gradient_accumulation = 3
)"),
                                           {});
  EXPECT_EQ(config.preset, "nano-tpa");
  EXPECT_EQ(config.model.hidden_size, preset("nano-tpa").hidden_size);
  EXPECT_EQ(config.data.path, "data/kjv");
  EXPECT_EQ(config.optimizer.adamw.learning_rate, 3e-3);
  EXPECT_TRUE(config.optimizer.adamw.decay_matrices_only);
  EXPECT_EQ(config.optimizer.adamw.beta2, 0.95);
  EXPECT_EQ(config.schedule.warmup_steps, 20);
  EXPECT_EQ(config.train.context, config.model.max_position_embeddings) << "0 is the model's";
  EXPECT_EQ(config.step_tokens(), 4 * 3 * config.train.context);
}

TEST(RunConfig, ModelKeysChangeThePreset) {
  const TemporaryFolder folder;
  const std::string text = "[model]\npreset = \"nano-tpa\"\nk_rank = 1\noutput_gate = true\n[data]\npath = \"d\"\n";
  const RunConfig config = load_run_config(folder.write("run.toml", text), {});
  EXPECT_EQ(config.model.k_rank, 1);
  EXPECT_TRUE(config.model.output_gate);
  EXPECT_EQ(config.model.num_hidden_layers, preset("nano-tpa").num_hidden_layers);
}

TEST(RunConfig, ModelKeysMayDifferByLayer) {
  const TemporaryFolder folder;
  const std::string text = std::string("[model]\npreset = \"nano-tpa\"\nnum_hidden_layers = 2\nsliding_window = 64\n") +
                           "layer_types = [\"sliding_attention\", \"full_attention\"]\nno_rope_layers = [1, 0]\n" +
                           "[data]\npath = \"d\"\n";
  const RunConfig config = load_run_config(folder.write("run.toml", text), {});
  EXPECT_EQ(config.model.layer_types, (std::vector<LayerType>{LayerType::sliding, LayerType::full}));
  EXPECT_EQ(config.model.no_rope_layers, (std::vector<int64_t>{1, 0}));
  EXPECT_THAT(error_in(text, {{"model.num_hidden_layers", "3"}}), HasSubstr("says it of 2 layers, and there are 3"));
}

TEST(RunConfig, SettingsOfTheCommandLineWin) {
  const TemporaryFolder folder;
  const auto path = folder.write("run.toml", kSmall);
  const RunConfig config =
      load_run_config(path, {parse_setting("train.steps=7"), parse_setting("model.preset=nano-mha"),
                             parse_setting("optimizer.learning_rate=1e-4"), parse_setting("data.path=with = sign")});
  EXPECT_EQ(config.train.steps, 7);
  EXPECT_EQ(config.model.attention_kind, AttentionKind::mha);
  EXPECT_EQ(config.optimizer.adamw.learning_rate, 1e-4);
  EXPECT_EQ(config.data.path, "with = sign");
  EXPECT_THAT(error_of([] { parse_setting("steps=7"); }), HasSubstr("\"steps=7\" is not a setting"));
  EXPECT_THAT(error_of([] { parse_setting("train.steps"); }), HasSubstr("wanted SECTION.KEY=VALUE"));
  EXPECT_THAT(error_in(kSmall, {parse_setting("train.step=7")}), HasSubstr("train: the key \"step\" is not known"));
  EXPECT_THAT(error_in(kSmall, {parse_setting("training.steps=7")}), HasSubstr("\"training\" is not known"));
}

TEST(RunConfig, APresetOfTheCommandLineReplacesTheKindOfTheFile) {
  const TemporaryFolder folder;
  const std::string own =
      "[model]\npreset = \"nano-mha\"\nattention_kind = \"mqa\"\nnum_hidden_layers = 2\n[data]\npath = \"d\"\n";
  const auto file = folder.write("own.toml", own);
  EXPECT_EQ(load_run_config(file, {}).model.attention_kind, AttentionKind::mqa);
  EXPECT_EQ(load_run_config(file, {}).preset, "") << "it is nano-mha no more";
  const RunConfig gqa = load_run_config(file, {{"model.preset", "nano-gqa"}});
  EXPECT_EQ(gqa.model.attention_kind, AttentionKind::gqa);
  EXPECT_EQ(gqa.preset, "nano-gqa");
  EXPECT_EQ(gqa.model.num_hidden_layers, 2);
  folder.write("child.toml", "extends = \"own.toml\"\n[model]\npreset = \"nano-gqa\"\n");
  EXPECT_EQ(load_run_config(folder / "child.toml", {}).model.attention_kind, AttentionKind::gqa);
}

TEST(RunConfig, APresetOfTheCommandLineReplacesTheAttentionOfARun) {
  const TemporaryFolder folder;
  for (const std::string& from : preset_names()) {
    if (!from.starts_with("nano-")) continue;
    RunConfig config = load_run_config(
        folder.write("a.toml", "[model]\npreset = \"" + from +
                                   "\"\nnum_hidden_layers = 2\noutput_gate = true\nsliding_window = 64\n"
                                   "[data]\npath = \"d\"\n"),
        {});
    Json json = to_json(config);
    json["run"] = Json::object();
    write_json(folder / "run.json", json);
    for (const std::string& to : preset_names()) {
      if (!to.starts_with("nano-")) continue;
      const RunConfig again = load_run_config(folder.path(), {{"model.preset", to}, {"data.path", "d"}});
      ModelConfig wanted = preset(to);
      wanted.num_hidden_layers = 2;
      wanted.output_gate = true;
      wanted.sliding_window = 64;
      EXPECT_EQ(config_to_json(again.model), config_to_json(wanted)) << from << " to " << to;
      EXPECT_EQ(again.preset, to);
    }
  }
}

TEST(RunConfig, KeysThatTheKindDoesNotUseAreRefused) {
  const auto with = [](const std::string& preset, const std::string& line) {
    return error_in("[model]\npreset = \"" + preset + "\"\n" + line + "\n[data]\npath = \"d\"\n");
  };
  EXPECT_THAT(with("nano-mha", "num_key_value_heads = 2"),
              HasSubstr("\"num_key_value_heads\" is for gqa; a model of kind mha does not use it"));
  EXPECT_THAT(with("nano-tpa", "num_key_value_heads = 2"), HasSubstr("is for gqa"));
  EXPECT_EQ(with("nano-mqa", "num_key_value_heads = 1"), "no error") << "so it is";
  for (const char* kind : {"mha", "mqa", "gqa", "mfa", "mla"}) {
    for (const char* key : {"q_rank", "k_rank", "v_rank"}) {
      EXPECT_THAT(with(std::string("nano-") + kind, std::string(key) + " = 2"), HasSubstr("does not use it"));
    }
  }
  EXPECT_THAT(with("nano-tpa_kvonly", "q_rank = 6"), HasSubstr("\"q_rank\" is for tpa"));
  EXPECT_EQ(with("nano-tpa_kvonly", "k_rank = 1"), "no error");
  EXPECT_THAT(with("nano-tpa", "kv_lora_rank = 32"), HasSubstr("are for mla"));
}

TEST(RunConfig, PathsAreTakenAsTheyAre) {
  const TemporaryFolder folder;
  const auto path = folder.write("run.toml", kSmall);
  for (const char* name : {"2024", "2024-05-01", "true", "1e3", "[1]", "07:30:00"}) {
    EXPECT_EQ(load_run_config(path, {{"data.path", name, /*literal=*/true}}).data.path, name);
    EXPECT_EQ(load_run_config(path, {{"data.path", name}}).data.path, name);
  }
  EXPECT_EQ(load_run_config(path, {{"data.path", "\"2024\""}}).data.path, "2024");
  EXPECT_EQ(load_run_config(path, {{"data.path", "\"2024\"", /*literal=*/true}}).data.path, "\"2024\"");
}

TEST(RunConfig, FindsTheDataOfARunFromAnotherFolder) {
  const TemporaryFolder folder;
  make_folder(folder / "here");
  Json json = to_json(load_run_config(folder.write("run.toml", kSmall), {}));
  json["run"] = {{"data_folder", (folder / "here").string()}};
  write_json(folder / "run.json", json);
  EXPECT_EQ(load_run_config(folder.path(), {}).data.path, (folder / "here").string());
  json["run"] = Json::object();
  write_json(folder / "run.json", json);
  EXPECT_THAT(error_of([&] { load_run_config(folder.path(), {}); }), HasSubstr("--data names the folder"));
}

TEST(RunConfig, Schedules) {
  const auto with = [](const std::string& text) {
    const TemporaryFolder folder;
    return load_run_config(folder.write("run.toml", kSmall + text), {}).learning_rate();
  };
  EXPECT_EQ(with("").kind, ScheduleKind::cosine);
  EXPECT_EQ(with("[schedule]\nkind = \"constant\"\n").kind, ScheduleKind::constant);
  EXPECT_EQ(with("[schedule]\nkind = \"wsd\"\n[train]\nsteps = 50\n").decay_steps, 5);
  EXPECT_EQ(with("[schedule]\nkind = \"wsd\"\ndecay_steps = 20\n[train]\nsteps = 50\n").decay_steps, 20);
  EXPECT_THAT(error_in(std::string(kSmall) + "[schedule]\nkind = \"linear\"\n"), HasSubstr("not \"linear\""));
  EXPECT_THAT(error_in(std::string(kSmall) + "[schedule]\ndecay_steps = 2\n"), HasSubstr("is for the kind wsd"));
  EXPECT_THAT(error_in(std::string(kSmall) +
                       "[schedule]\nkind = \"wsd\"\nwarmup_steps = 9\ndecay_steps = 2\n[train]\nsteps = 10\n"),
              HasSubstr("at most the steps after warm-up, 1, not 2"));
}

TEST(RunConfig, ErrorsNameFileKeyAndValues) {
  const auto with = [](const std::string& text) { return error_in(kSmall + text); };
  EXPECT_THAT(with("[train]\nstep = 3\n"), HasSubstr("run.toml: train: the key \"step\" is not known"));
  EXPECT_THAT(with("[trian]\nsteps = 3\n"), HasSubstr("run.toml: the key \"trian\" is not known; known are data"));
  EXPECT_THAT(with("[train]\nsteps = \"many\"\n"),
              HasSubstr("train: \"steps\" must be a whole number from 1 to 1099511627776, not \"many\""));
  EXPECT_THAT(with("[train]\nattention = \"flash\"\n"),
              HasSubstr("run.toml: train: \"attention\" must be \"fused\" or \"sdpa\", not \"flash\""));
  EXPECT_THAT(with("[train]\ndtype = \"float16\"\n"),
              HasSubstr("run.toml: train: \"dtype\" must be \"float32\" or \"bfloat16\", not \"float16\""));
  EXPECT_THAT(with("[train]\nrecompute = \"all\"\n"),
              HasSubstr("run.toml: train: \"recompute\" must be \"none\", \"attention\" or \"layer\", not \"all\""));
  EXPECT_THAT(
      with("[train]\ndevice = \"gpu\"\n"),
      HasSubstr(
          "run.toml: train: \"device\" must be \"cpu\", \"cuda\" or \"cuda:N\" with N from 0 to 127, not \"gpu\""));
  EXPECT_THAT(with("[train]\nsteps = 1.5\n"), HasSubstr("\"steps\" must be a whole number"));
  EXPECT_THAT(with("[train]\nsteps = 0\n"), HasSubstr("not 0"));
  EXPECT_THAT(with("[optimizer]\nlearning_rate = nan\n"), HasSubstr("optimizer: \"learning_rate\" must be a number"));
  EXPECT_THAT(with("[optimizer]\nbeta1 = 1\n"), HasSubstr("\"beta1\" must be a number from 0 to 0.999999, not 1"));
  EXPECT_THAT(with("[optimizer]\ndecay_matrices_only = 1\n"), HasSubstr("must be true or false, not 1"));
  EXPECT_THAT(with("[train]\nsteps = 10\n[schedule]\nwarmup_steps = 11\n"),
              HasSubstr("at most train.steps, 10, not 11"));
  EXPECT_THAT(error_in(kSmall, {parse_setting("model.preset=nano-mha"),
                                parse_setting("optimizer.head_factor_learning_rate_scale=0.1")}),
              HasSubstr("is for tpa and tpa_kvonly"));
  EXPECT_THAT(with("[schedule]\nminimum_learning_rate = 0.1\n"), HasSubstr("at most optimizer.learning_rate"));
  EXPECT_THAT(with("[train]\ncontext = 4096\n"), HasSubstr("max_position_embeddings, 256, not 4096"));
  EXPECT_THAT(with("optimizer = 3\n"), HasSubstr("data: the key \"optimizer\" is not known"));
  EXPECT_THAT(with("[train]\nsteps = 2000-01-01\n"), HasSubstr("run.toml: line 6: dates and times"));
  EXPECT_THAT(with("[train\n"), HasSubstr("run.toml: line 5: not valid TOML"));
  EXPECT_THAT(error_in("[data]\npath = \"d\"\n"), HasSubstr("section [model] is missing"));
  EXPECT_THAT(error_in("model = 5\n[data]\npath = \"d\"\n"), HasSubstr("wanted a JSON object, found 5"));
  EXPECT_THAT(error_in("[model]\npreset = \"nano-tpa\"\n"), HasSubstr("data: \"path\" is missing"));
  EXPECT_THAT(error_in("[model]\npreset = \"giant\"\n"), HasSubstr("no preset is called \"giant\""));
  EXPECT_THAT(error_in("[model]\nhidden = 3\n[data]\npath = \"d\"\n"), HasSubstr("the key \"hidden\" is not known"));
  EXPECT_THAT(error_of([] { load_run_config("nowhere/run.toml", {}); }), HasSubstr("nowhere/run.toml: cannot open"));
}

TEST(RunConfig, ExtendsAFileBesideIt) {
  const TemporaryFolder folder;
  folder.write("base/grand.toml", "[data]\npath = \"far\"\n[train]\nsteps = 1\nbatch_size = 2\n");
  folder.write("base/parent.toml", "extends = \"grand.toml\"\n[train]\nsteps = 2\n");
  const auto path =
      folder.write("child.toml", "extends = \"base/parent.toml\"\n[model]\npreset = \"nano-tpa\"\n[train]\nseed = 5\n");
  const RunConfig config = load_run_config(path, {});
  EXPECT_EQ(config.train.steps, 2);
  EXPECT_EQ(config.train.batch_size, 2);
  EXPECT_EQ(config.train.seed, 5);
  EXPECT_EQ(config.data.path, "far");
}

TEST(RunConfig, FilesThatExtendEachOtherAreAnError) {
  const TemporaryFolder folder;
  folder.write("a.toml", "extends = \"b.toml\"\n");
  const auto path = folder.write("b.toml", "extends = \"a.toml\"\n");
  EXPECT_THAT(error_of([&] { load_run_config(path, {}); }), HasSubstr("is there a circle?"));
}

TEST(RunConfig, ComesBackFromTheFolderOfARun) {
  const TemporaryFolder folder;
  RunConfig config = sample_config(folder, {{"train.seed", "9"}, {"model.preset", "nano-tpa"}});
  Json json = to_json(config);
  json["run"] = {{"parameters", 5}};
  write_json(folder / "run.json", json);
  const RunConfig again = load_run_config(folder.path(), {{"train.threads", "2"}});
  config.train.threads = 2;
  EXPECT_EQ(to_json(again), to_json(config));
}

// Every file in configs/ loads, experiments of comparisons apart, and there is one for each of the paper's runs.
TEST(RunConfig, TheCommittedFilesAreTheRunsOfThePaper) {
  std::set<std::string> presets;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "configs")) {
    const bool experiment = entry.path().filename().string().starts_with("compare-");
    if (experiment || entry.path().extension() != ".toml") continue;
    const RunConfig config = load_run_config(entry.path(), {});
    presets.insert(config.preset);
    if (config.model.vocab_size < 50304) continue;
    EXPECT_EQ(entry.path().stem(), config.preset);
    EXPECT_EQ(config.step_tokens(), 480 * 1024) << entry.path();
    EXPECT_EQ(config.train.steps, 100'000);
    EXPECT_EQ(config.schedule.warmup_steps, 2000);
    const bool big = config.preset.starts_with("large") || config.preset.starts_with("xl");
    EXPECT_EQ(config.optimizer.adamw.learning_rate, config.preset.starts_with("xl")      ? 1e-4
                                                    : config.preset.starts_with("large") ? 2e-4
                                                                                         : 6e-4);
    EXPECT_EQ(config.schedule.minimum_learning_rate, big ? 1e-5 : 3e-5);
  }
  for (const std::string size : {"small", "medium", "large", "xl"}) {
    for (const std::string kind : {"mha", "mqa", "gqa", "mla", "tpa", "tpa_kvonly"}) {
      EXPECT_TRUE(presets.contains(size + "-" + kind)) << size << "-" << kind;
    }
  }
}

}  // namespace
}  // namespace t6
