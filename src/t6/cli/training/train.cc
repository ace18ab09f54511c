// t6 train: a run from a configuration file, or one more stretch of it.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "t6/cli/interrupt.h"
#include "t6/cli/program.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/training/commands.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/formats/run_files.h"
#include "t6/model/costs.h"
#include "t6/train/trainer.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

// Flags for the settings that people change most; the others go through --set.
struct Shortcut {
  const char* flag;
  const char* setting;
  const char* help;
};
constexpr Shortcut kShortcuts[] = {
    {"--data", "data.path", "Folder of token shards, as 't6 prepare' makes it"},
    {"--steps", "train.steps", "Optimizer steps"},
    {"--batch", "train.batch_size", "Sequences in a forward pass"},
    {"--context", "train.context", "Tokens in a sequence"},
    {"--seed", "train.seed", "Seed of first weights and of the order of the data"},
    {"--threads", "train.threads", "Threads; 0: all processors"},
    {"--learning-rate", "optimizer.learning_rate", "Highest learning rate"},
    {"--minutes", "train.minutes", "Save and stop after this time"},
};

struct TrainOptions {
  std::string config;
  std::string out;
  std::vector<std::string> settings;
  std::string shortcuts[std::size(kShortcuts)];
  bool resume = false;
  bool force = false;
  bool quiet = false;
  bool no_report = false;
};

std::vector<Setting> settings_of(const TrainOptions& options) {
  std::vector<Setting> settings;
  for (const std::string& text : options.settings) settings.push_back(parse_setting(text));
  for (size_t i = 0; i < std::size(kShortcuts); ++i) {
    if (!options.shortcuts[i].empty()) settings.emplace_back(kShortcuts[i].setting, options.shortcuts[i]);
  }
  return settings;
}

fs::path run_folder(const TrainOptions& options) {
  if (!options.out.empty()) return options.out;
  const fs::path config = options.config;
  return fs::is_directory(config) ? config : fs::path("runs") / config.stem();
}

void print_header(const Trainer& trainer, const fs::path& folder) {
  const RunConfig& config = trainer.config();
  const ModelConfig& model = config.model;
  const std::string name = config.preset.empty() ? attention_kind_name(model.attention_kind) : config.preset;
  fmt::print("model    {}: {} parameters, {} layers, width {}, {} heads of {}\n", name,
             format_digits(parameter_count(model)), model.num_hidden_layers, model.hidden_size,
             model.num_attention_heads, model.head_dim);
  fmt::print("data     {}: {} tokens for training, {} for validation, vocabulary {}\n", config.data.path,
             format_digits(trainer.train_tokens()), format_digits(trainer.validation_tokens()),
             format_digits(model.vocab_size));
  fmt::print("run      {}: {} steps of {} tokens ({} x {} sequences of {}), CPU, threads: {}\n", folder.string(),
             format_digits(config.train.steps), format_digits(config.step_tokens()), config.train.gradient_accumulation,
             config.train.batch_size, config.train.context, trainer.threads());
  if (trainer.step() > 0) fmt::print("resumed  after step {}\n", format_digits(trainer.step()));
  std::fflush(stdout);
}

void print_summary(const TrainSummary& summary, const fs::path& folder) {
  using End = TrainSummary::End;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("{} at step {}: {} tokens in {}, peak memory {}\n", summary.end == End::finished ? "finished" : "stopped",
             format_digits(summary.step), format_digits(summary.tokens), format_seconds(summary.seconds),
             format_bytes(1024.0 * static_cast<double>(usage.ru_maxrss)));
  if (summary.validation) {
    fmt::print("validation loss {:.4f} nats per token", summary.validation->loss);
    const double bits = summary.validation->bits_per_byte;
    if (!std::isnan(bits)) fmt::print(", {:.4f} bits per byte", bits);
    fmt::print("\n");
  }
  if (summary.step > 0) fmt::print("model in {}\n", (folder / kRunModel).string());
  if (summary.end != End::finished) fmt::print("continue with: t6 train {} --resume\n", folder.string());
  std::fflush(stdout);
}

// The report is made by the serving wing's program; a run without one is still a run.
void write_report(const fs::path& folder) {
  std::string program = path_beside("t6");
  if (program.empty()) {
    fmt::print("no report: the program t6 is not beside this one\n");
    return;
  }
  std::string command = "report", run = folder.string();
  char* arguments[] = {program.data(), command.data(), run.data(), nullptr};
  pid_t child = 0;
  int status = 0;
  if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environ) != 0 ||
      ::waitpid(child, &status, 0) != child || status != 0) {
    fmt::print("no report: 't6 report {}' did not succeed\n", run);
  }
}

std::string progress_note(const TrainProgress& progress, int64_t steps) {
  std::string text = fmt::format("step {}/{}  loss {:.4f}", progress.step, steps, progress.loss);
  if (progress.validation_loss) text += fmt::format("  validation {:.4f}", *progress.validation_loss);
  return text;
}

TrainSummary train(Trainer& trainer) {
  const RunConfig& config = trainer.config();
  ProgressBar bar("training", config.train.steps * config.step_tokens(), "tokens");
  bar.start_at(trainer.tokens());
  const TrainSummary summary = trainer.run(interrupt_token(), [&](const TrainProgress& progress) {
    bar.update(progress.tokens, progress_note(progress, config.train.steps));
  });
  bar.finish();
  return summary;
}

void run(const TrainOptions& options) {
  const fs::path folder = run_folder(options);
  const RunConfig config = load_run_config(options.config, settings_of(options));
  if (options.quiet) ProgressBar::set_quiet(true);
  catch_interrupts();
  const RunStart start = options.resume ? RunStart::resume : options.force ? RunStart::replace : RunStart::fresh;
  Trainer trainer(config, folder, start);
  print_header(trainer, folder);
  const TrainSummary summary = train(trainer);
  print_summary(summary, folder);
  if (summary.end == TrainSummary::End::finished && !options.no_report) write_report(folder);
}

}  // namespace

void add_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a model as a configuration file says");
  command->add_option("config", options->config, "A TOML file, or the folder of a run to go on with")->required();
  command->add_option("--out", options->out, "Folder of the run (default: runs/NAME for NAME.toml)");
  CLI::Option* resume =
      command->add_flag("--resume", options->resume, "Go on after the newest checkpoint in the folder");
  command->add_flag("--force", options->force, "Remove the run that is in the folder")->excludes(resume);
  for (size_t i = 0; i < std::size(kShortcuts); ++i) {
    command->add_option(kShortcuts[i].flag, options->shortcuts[i], kShortcuts[i].help)->type_name("VALUE");
  }
  command->add_option("--set", options->settings, "Any setting of the file: SECTION.KEY=VALUE")
      ->allow_extra_args(false)
      ->type_name("SETTING");
  command->add_flag("--quiet", options->quiet, "No progress bar");
  command->add_flag("--no-report", options->no_report, "Do not write report.html at the end");
  command->footer(
      "Ctrl-C saves a checkpoint and stops; the same command with --resume goes on, to the same numbers.\n"
      "Examples:\n"
      "  t6 train configs/demo.toml\n"
      "  t6 train configs/small-tpa.toml --data data/fineweb-edu --set train.gradient_accumulation=120\n"
      "  t6 train runs/demo --resume");
  command->callback([=] { run(*options); });
}

}  // namespace t6
