// t6 compare: models trained side by side as an experiment's file says, and what came of it.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/program.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/comparison_runs.h"
#include "t6/cli/serving/model_speed.h"
#include "t6/compare/output.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/launched.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/formats/run_files.h"
#include "t6/infer/load.h"
#include "t6/labelled/labelled_task.h"
#include "t6/report/page_file.h"
#include "t6/text/data_facts.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

struct CompareOptions {
  std::string experiment, out;
  int threads = processor_count();
  bool dry_run = false, json = false, quiet = false;
};

constexpr const char* kSpeedFile = "decoding.json";  // tokens per second by the name of a run

fs::path out_folder(const CompareOptions& options) {
  if (!options.out.empty()) return options.out;
  return fs::path("runs") / fs::path(options.experiment).stem();
}

// For people; where --json asks for JSON alone on standard output, on standard error.
void say(const CompareOptions& options, const std::string& text) {
  std::FILE* stream = options.json ? stderr : stdout;
  fmt::print(stream, "{}", text);
  std::fflush(stream);
}

DataSizes sizes_of(const Experiment& experiment) {
  const std::string& source = experiment.source;
  if (experiment.is_task()) {
    const JsonObject section(experiment.shared[run_keys::kTask], source + ": task");
    const LabelledTask task = read_labelled_task(labelled_settings(section), source);
    return {task.tokens.vocab_size(), std::ssize(task.labels), task.pairs};
  }
  const std::string data = JsonObject(experiment.shared[run_keys::kData], source).string(run_keys::kPath);
  const DataFacts facts = path_exists(data) ? read_data_facts(data) : DataFacts();
  return {.vocabulary = facts.vocab_size.value_or(0)};
}

Plan plan_of(const CompareOptions& options) {
  const Experiment experiment = read_experiment(options.experiment);
  return make_plan(experiment, sizes_of(experiment));
}

// Tokens per second of the trained model, at a context of half the positions that it has.
double measure_decoding(Context& context, const fs::path& run, NumberType cache_type) {
  const LoadedModel loaded = load_model(context, run);
  const int64_t positions = loaded.config().max_position_embeddings;
  const int64_t written = std::min<int64_t>(24, positions / 2);
  require(written > 0, "the model has {} position", positions);
  return model_speed(context, loaded, {.contexts = {positions / 2}, .decode_tokens = written, .cache_type = cache_type})
      .front()
      .decode_rate;
}

// Measures once and keeps what it measured, so that a report that is made again says the same.
void add_decoding(const CompareOptions& options, const ComparisonFolder& folder, const Plan& plan,
                  std::vector<ConfigurationResult>& summary, const std::vector<RunResult>& results) {
  const fs::path file = folder.path() / kSpeedFile;
  Json known = path_exists(file) ? read_json(file) : Json::object();
  std::unique_ptr<Context> context;
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    const ComparisonRun& run = plan.runs[i];
    ConfigurationResult& result = summary[run.configuration];
    if (!result.chosen || result.rates[*result.chosen].rate != run.rate || !results[i].finished) continue;
    if (!std::isnan(result.decoding_rate)) continue;
    if (!known.contains(run.name) && !interrupt_token().cancelled()) {
      if (!context) context = std::make_unique<Context>(options.threads);
      try {
        known[run.name] = measure_decoding(*context, folder.run(run), plan.experiment.match.cache_type);
      } catch (const Error& error) {  // a comparison is worth having without this number: data without a tokenizer
        say(options, fmt::format("no speed of decoding: {}\n", error.what()));
        return;
      }
      write_json(file, known);
    }
    if (known.contains(run.name)) result.decoding_rate = JsonObject(known, file.string()).number(run.name, 0, 1e12);
  }
}

void write_results(const ComparisonFolder& folder, const Plan& plan, const std::vector<ConfigurationResult>& summary,
                   const std::vector<RunResult>& results) {
  const nlohmann::ordered_json json = results_json(plan, summary, results);
  write_text(folder.path() / kComparisonResults, json.dump(2) + "\n");
  for (const char* list : {"models", "rates", "runs", "curves"}) {
    write_text(folder.path() / fmt::format("{}.csv", list), csv_of(json[list]));
  }
  const std::string file = read_text(plan.experiment.source);
  write_page(folder.path() / kComparisonReport, render_comparison_page(comparison_page(plan, summary, results, file)));
}

void print_results(const CompareOptions& options, const ComparisonFolder& folder, const Plan& plan,
                   const std::vector<ConfigurationResult>& summary, const std::vector<RunResult>& results) {
  if (options.json) fmt::print("{}\n", results_json(plan, summary, results).dump(2));
  std::string text = "\n" + text_of(results_table(plan, summary));
  if (const ComparisonTable rates = rates_table(plan, summary); !rates.rows.empty()) {
    text += "\n" + rates.caption + ":\n" + text_of(rates);
  }
  text += "\n";
  for (const std::string& note : result_notes(plan, summary, results)) text += note + "\n";
  const std::string path = folder.path().string();
  text +=
      fmt::format("report in {0}/{1}, numbers in {0}/{2} and {0}/*.csv\n", path, kComparisonReport, kComparisonResults);
  say(options, text);
}

void finish(const CompareOptions& options, const ComparisonFolder& folder, const Plan& plan) {
  const std::vector<RunResult> results = read_results(folder, plan);
  std::vector<ConfigurationResult> summary = summarize(plan, results);
  if (!plan.experiment.is_task()) add_decoding(options, folder, plan, summary, results);
  write_results(folder, plan, summary, results);
  print_results(options, folder, plan, summary, results);
  if (interrupt_token().cancelled()) say(options, "stopped; the same command goes on\n");
}

// Trains runs for the first process of a launch, which alone says what comes of it.
void help(const CompareOptions& options) {
  constexpr double kPatience = 600;  // seconds: the first looks at data and settings before it begins
  ProgressBar::set_quiet(true);
  catch_interrupts();
  const Plan plan = plan_of(options);
  if (options.dry_run) return;
  ComparisonFolder::wait_until_made(out_folder(options), plan, kPatience);
  const ComparisonFolder folder(out_folder(options), Workers::several);
  const RunLength length = check_runs(plan);
  ComparisonRuns(folder, plan, length).train_all();
}

void run(const CompareOptions& options) {
  const Workers workers = launched() ? Workers::several : Workers::one;
  const bool is_first = launched_rank() == 0;
  forget_launch();  // each run is trained by one process
  if (!is_first) return help(options);
  if (options.quiet) ProgressBar::set_quiet(true);
  catch_interrupts();
  const Plan plan = plan_of(options);
  say(options, text_of(sizes_table(plan)));
  if (options.dry_run && path_beside("t6-train").empty()) {
    return say(options, "data and settings were not checked: the program t6-train is not beside this one\n");
  }
  const RunLength length = check_runs(plan);
  say(options, fmt::format("\n{} runs of {} steps, {} tokens each: {} models, seeds {}{}\n", wanted_runs(plan),
                           format_digits(length.steps), format_count(static_cast<double>(length.tokens())),
                           plan.configurations.size(), plan.experiment.seeds.size(),
                           plan.experiment.learning_rates.empty()
                               ? ""
                               : fmt::format(", learning rates {}", plan.experiment.learning_rates.size())));
  if (options.dry_run) return;
  const ComparisonFolder folder(out_folder(options), workers);
  folder.write_run_files(plan);
  ComparisonRuns runs(folder, plan, length);
  if (const double seconds = runs.seconds_left(); seconds > 0) {
    say(options, fmt::format("about {} to go, in {}\n", format_seconds(seconds), folder.path().string()));
  }
  try {
    runs.train_all();
  } catch (...) {  // of one run; what the others came to is worth having
    const std::vector<RunResult> results = read_results(folder, plan);
    write_results(folder, plan, summarize(plan, results), results);
    throw;
  }
  finish(options, folder, plan);
}

}  // namespace

void add_compare(CLI::App& app) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* command = app.add_subcommand("compare", "Train models side by side and compare what they cost and learn");
  command->add_option("experiment", options->experiment, "A TOML file; docs/comparing.md has its keys")->required();
  command->add_option("-o,--out", options->out, "Folder of runs and results (default: runs/NAME for NAME.toml)");
  command->add_flag("--dry-run", options->dry_run, "Print the sizes, check data and settings, and train nothing");
  command->add_flag("--json", options->json,
                    "Print the results as JSON on standard output, all else on standard error");
  command->add_flag("--quiet", options->quiet, "No progress bar");
  command->add_option("-t,--threads", options->threads, "Threads for the speed of decoding; runs have train.threads")
      ->check(CLI::Range(1, kMostThreads).description(""))
      ->capture_default_str();
  command->footer(
      "Ctrl-C saves and stops; the same command goes on, also after a kill or a power cut.\n"
      "Examples:\n"
      "  t6 compare configs/compare-nano.toml --dry-run\n"
      "  t6 compare configs/compare-nano.toml\n"
      "  t6 compare experiment.toml --out runs/ranks --json > ranks.json");
  command->callback([=] { run(*options); });
}

}  // namespace t6
