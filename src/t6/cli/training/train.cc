// t6 train: a run from a configuration file, or one more stretch of it.
#include <c10/util/Exception.h>
#include <sys/resource.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "t6/cli/interrupt.h"
#include "t6/cli/program.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/training/commands.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/formats/run_files.h"
#include "t6/model/costs.h"
#include "t6/ops/threads.h"
#include "t6/train/device.h"
#include "t6/train/ranks.h"
#include "t6/train/trainer.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

// Flags for the settings that people change most; the others go through --set.
struct Shortcut {
  const char* flag;
  const char* setting;
  const char* help;
  bool path = false;
};
constexpr Shortcut kShortcuts[] = {
    {"--data", "data.path", "Folder of token shards, as 't6 prepare' makes it", true},
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
  std::string out, from;
  std::vector<std::string> settings;
  std::optional<std::string> shortcuts[std::size(kShortcuts)];
  bool resume = false;
  bool force = false;
  bool quiet = false;
  bool no_report = false;
  bool dry_run = false;
};

std::vector<Setting> settings_of(const TrainOptions& options) {
  std::vector<Setting> settings;
  for (const std::string& text : options.settings) settings.push_back(parse_setting(text));
  for (size_t i = 0; i < std::size(kShortcuts); ++i) {
    const auto& [flag, setting, help, path] = kShortcuts[i];
    if (!options.shortcuts[i]) continue;
    require(!options.shortcuts[i]->empty(), "{}: is empty", flag);
    settings.push_back({setting, *options.shortcuts[i], path});
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
  const std::string kind = attention_kind_name(model.attention_kind);
  fmt::print("model    {}attention {}: {} parameters, {} layers, width {}, {} heads of {}\n",
             config.preset.empty() ? "" : config.preset + ", ", kind, format_digits(parameter_count(model)),
             model.num_hidden_layers, model.hidden_size, model.num_attention_heads, model.head_dim);
  fmt::print("data     {}\n", trainer.data_words());
  const std::string sequences =
      fmt::format("{} x {} {} {}", config.train.gradient_accumulation, config.train.batch_size,
                  config.is_task() ? "documents of at most" : "sequences of", config.train.context);
  fmt::print("run      {}: {} steps of {} tokens ({}), {}, {}threads: {}\n", folder.string(),
             format_digits(config.train.steps), format_digits(std::llround(trainer.step_tokens())), sequences,
             trainer.device().is_cpu() ? "CPU" : trainer.device().str(),
             trainer.ranks().size() > 1 ? fmt::format("processes: {}, ", trainer.ranks().size()) : "",
             trainer.threads());
  for (const std::string& note : trainer.notes()) fmt::print("note     {}\n", note);
  if (trainer.step() > 0) fmt::print("resumed  after step {}\n", format_digits(trainer.step()));
  std::fflush(stdout);
}

void print_validation(const ValidationRecord& record) {
  fmt::print("validation loss {:.4f} nats per {}", record.loss, record.is_classifiers() ? "label" : "token");
  if (!std::isnan(record.bits_per_byte)) fmt::print(", {:.4f} bits per byte", record.bits_per_byte);
  const auto accuracy = [](double share, double error) {
    return fmt::format("accuracy {:.2f} % ± {:.2f}", 100 * share, 100 * error);
  };
  if (record.is_classifiers()) fmt::print(", {}", accuracy(record.accuracy, record.accuracy_error));
  fmt::print("\n");
  if (std::isnan(record.test_accuracy)) return;
  fmt::print("test loss {:.4f}, {}\n", record.test_loss, accuracy(record.test_accuracy, record.test_accuracy_error));
}

// Of this process, and of its tensors on a GPU.
std::string peak_words(torch::Device device) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const std::string own = format_bytes(1024.0 * static_cast<double>(usage.ru_maxrss));
  if (device.is_cpu()) return own;
  return fmt::format("{}, on {} {}", own, device.str(), format_bytes(static_cast<double>(peak_device_bytes(device))));
}

void print_summary(const TrainSummary& summary, const fs::path& folder, torch::Device device) {
  using End = TrainSummary::End;
  fmt::print("{} at step {}: {} tokens in {}, peak memory {}\n", summary.end == End::finished ? "finished" : "stopped",
             format_digits(summary.step), format_digits(summary.tokens), format_seconds(summary.seconds),
             peak_words(device));
  if (summary.validation) print_validation(*summary.validation);
  if (summary.step > 0) fmt::print("model in {}\n", (folder / kRunModel).string());
  if (summary.best && fs::exists(folder / kRunBest)) {
    const std::string accuracy =
        std::isnan(summary.best->accuracy) ? "" : fmt::format(", accuracy {:.2f} %,", 100 * summary.best->accuracy);
    fmt::print("best validation loss {:.4f}{} at step {}: {}\n", summary.best->loss, accuracy,
               format_digits(summary.best->step), (folder / kRunBest).string());
  }
  if (summary.end != End::finished) fmt::print("continue with: t6 train {} --resume\n", folder.string());
  std::fflush(stdout);
}

// The report is made by the serving wing's program; a run without one is still a run.
void write_report(const fs::path& folder, bool samples) {
  std::vector<std::string> arguments = {"report", folder.string()};
  if (!samples) arguments.push_back("--no-samples");
  if (path_beside("t6").empty()) {
    fmt::print("no report: the program t6 is not beside this one\n");
  } else if (!call_beside("t6", arguments) && !interrupt_token().cancelled()) {
    fmt::print("no report: 't6 report {}' did not succeed\n", folder.string());
  }
  std::fflush(stdout);
}

// A text by the checkpoint that was just made, added to the run's samples.jsonl.
void draw_sample(const fs::path& folder, int64_t step, const std::string& prompt, int threads) {
  std::string text;
  const bool drawn = call_beside("t6",
                                 {"generate", (folder / kRunModel).string(), "--prompt", prompt, "--max-tokens", "100",
                                  "--seed", "0", "--threads", fmt::format("{}", threads), "--json"},
                                 &text);
  const Json result = drawn ? Json::parse(text, nullptr, /*allow_exceptions=*/false) : Json();
  if (!result.is_object() || !result.contains("text")) {
    fmt::print("step {}: no sample: 't6 generate {}' did not succeed\n", step, (folder / kRunModel).string());
    return;
  }
  const Json line = {{"step", step}, {"prompt", prompt}, {"text", result["text"]}};
  AppendFile(folder / kSamplesFile).append(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::string progress_note(const TrainProgress& progress, int64_t steps) {
  std::string text = fmt::format("step {}/{}", progress.step, steps);
  if (std::isfinite(progress.loss)) text += fmt::format("  loss {:.4f}", progress.loss);
  if (progress.validation) text += fmt::format("  validation {:.4f}", progress.validation->loss);
  if (progress.validation && progress.validation->is_classifiers()) {
    text += fmt::format("  accuracy {:.1f} %", 100 * progress.validation->accuracy);
  }
  return text;
}

// Ranks end by one signal, whichever of them it came to.
void share_signal(Ranks& ranks) {
  constexpr std::array kSignals = {SIGTERM, SIGINT, SIGHUP};
  std::vector<double> caught;
  for (const int signal : kSignals) caught.push_back(interrupt_signal() == signal ? 1 : 0);
  caught = ranks.sum(std::move(caught));
  for (size_t i = 0; i < kSignals.size(); ++i) {
    if (caught[i] > 0) return interrupt_by(kSignals[i]);
  }
}

TrainSummary train(Trainer& trainer, const fs::path& folder) {
  const RunConfig& config = trainer.config();
  const auto steps = static_cast<double>(config.train.steps);
  ProgressBar bar("training", std::llround(steps * trainer.step_tokens()), "tokens");
  bar.start_at(trainer.tokens());
  const TrainSummary summary = trainer.run(interrupt_token(), [&](const TrainProgress& progress) {
    bar.update(progress.tokens, progress_note(progress, config.train.steps));
    if (!progress.sample_due || !trainer.ranks().first()) return;
    bar.hide();
    draw_sample(folder, progress.step, config.train.sample_prompt, static_cast<int>(trainer.threads()));
  });
  bar.finish();
  if (summary.end == TrainSummary::End::interrupted) share_signal(trainer.ranks());
  return summary;
}

[[noreturn]] void fail_for_memory(const RunConfig& config) {
  fail(
      "out of memory: a step on {} sequences of {} tokens takes about {} (a smaller train.batch_size with more "
      "train.gradient_accumulation, or a smaller train.context, takes less)",
      config.train.batch_size, config.train.context, format_bytes(step_bytes(config)));
}

// LibTorch's errors of memory, which come with a page of addresses, as a line; others without that page.
[[noreturn]] void fail_briefly(const c10::Error& error, const RunConfig& config) {
  const std::string text = error.what_without_backtrace();
  if (text.find("memory") != std::string::npos) fail_for_memory(config);
  fail("{}", text.substr(0, text.find('\n')));
}

void run_guarded(const TrainOptions& options, const fs::path& folder, const RunConfig& config,
                 const std::optional<GivenWeights>& given, const std::shared_ptr<Ranks>& ranks) {
  const RunStart start = options.resume ? RunStart::resume : options.force ? RunStart::replace : RunStart::fresh;
  Trainer trainer(config, folder, start, given, ranks);
  const bool report = !options.no_report && ranks->first();
  if (ranks->first()) print_header(trainer, folder);
  try {
    const TrainSummary summary = train(trainer, folder);
    if (ranks->first()) print_summary(summary, folder, trainer.device());
    if (report) write_report(folder, summary.end != TrainSummary::End::interrupted);
  } catch (...) {  // a loss that is not finite, a full disk: the curves tell what came before
    if (report) write_report(folder, /*samples=*/false);
    throw;
  }
}

struct Prepared {
  RunConfig config;
  std::optional<ImportedModel> model;
  std::optional<GivenWeights> given;
};

Prepared prepare(const TrainOptions& options) {
  Prepared run;
  std::optional<ModelConfig> given_config;
  if (!options.from.empty()) {
    run.model = read_given_model(torch_context(), options.from);
    given_config = run.model->config;
  }
  run.config = load_run_config(options.config, settings_of(options), given_config);
  return run;
}

void run_on(const std::shared_ptr<Ranks>& ranks, const TrainOptions& options) {
  const fs::path folder = run_folder(options);
  ProgressBar::set_quiet(options.quiet || !ranks->first());
  Prepared run;
  ranks->together([&] { run = prepare(options); });
  if (run.model) run.given = {&*run.model, options.from};
  if (options.dry_run) {
    ranks->on_first([&] { fmt::print("{}\n", plan_run(run.config).dump(2)); });
    return;
  }
  catch_interrupts();
  try {
    run_guarded(options, folder, run.config, run.given, ranks);
  } catch (const std::bad_alloc&) {
    fail_for_memory(run.config);
  } catch (const c10::Error& error) {
    fail_briefly(error, run.config);
  }
}

// Of several ranks one tells an error that all know of, and any one that no other knows of, which ends them all: before
// MPI's launcher sees a process end, since it then ends the others.
[[noreturn]] void end_with(std::shared_ptr<Ranks> ranks, const std::string& error, bool shared) {
  if (!shared) {
    fmt::print(stderr, "t6: error: rank {}: {}\n", ranks->rank(), error);
    ranks->end_all(1);
  }
  if (ranks->first()) fmt::print(stderr, "t6: error: {}\n", error);
  std::fflush(nullptr);
  ranks.reset();
  std::_Exit(1);
}

void run(const TrainOptions& options) {
  std::shared_ptr<Ranks> ranks = join_ranks();
  try {
    run_on(ranks, options);
  } catch (const SharedError& error) {
    if (ranks->size() > 1) end_with(std::move(ranks), error.what(), true);
    throw;
  } catch (const std::exception& error) {
    if (ranks->size() > 1) end_with(std::move(ranks), error.what(), false);
    throw;
  }
}

}  // namespace

void add_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a model as a configuration file says");
  command->add_option("config", options->config, "A TOML file, or the folder of a run to go on with")->required();
  command->add_option("--out", options->out, "Folder of the run (default: runs/NAME for NAME.toml)");
  command
      ->add_option("--from", options->from,
                   "Begin with the weights of a model: its folder, a run's, a checkpoint, a GGUF file, ...")
      ->type_name("MODEL");
  CLI::Option* resume =
      command->add_flag("--resume", options->resume, "Go on after the newest checkpoint in the folder");
  command->add_flag("--force", options->force, "Remove the run that is in the folder, and nothing else")
      ->excludes(resume);
  for (size_t i = 0; i < std::size(kShortcuts); ++i) {
    command->add_option(kShortcuts[i].flag, options->shortcuts[i], kShortcuts[i].help)->type_name("VALUE");
  }
  command->add_option("--set", options->settings, "Any setting of the file: SECTION.KEY=VALUE")
      ->allow_extra_args(false)
      ->type_name("SETTING");
  command->add_flag("--quiet", options->quiet, "No progress bar");
  command->add_flag("--no-report", options->no_report, "Do not write report.html at the end");
  command->add_flag("--dry-run", options->dry_run,
                    "Check settings and data, print all that the run would be as JSON, and train nothing");
  command->footer(
      "Ctrl-C (or SIGTERM, SIGHUP) saves a checkpoint and stops, with exit code 130 (143, 129); the same command with\n"
      "--resume goes on, to the same numbers. A second one stops at once.\n"
      "Examples:\n"
      "  t6 train configs/demo.toml\n"
      "  t6 train configs/small-tpa.toml --data data/fineweb-edu --set train.gradient_accumulation=120\n"
      "  t6 train runs/demo --resume\n"
      "  mpirun -n 4 t6 train configs/demo.toml\n"
      "  t6 train runs/demo --from runs/demo/best --out runs/longer --steps 500 --learning-rate 1e-4");
  command->callback([=] { run(*options); });
}

}  // namespace t6
