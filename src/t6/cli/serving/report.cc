// t6 report: a training run as one page of HTML.
#include <filesystem>
#include <memory>
#include <string>

#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "t6/report/page_file.h"
#include "t6/report/report.h"
#include "t6/report/samples.h"

namespace t6 {
namespace {

struct ReportOptions {
  std::string run, out;
  SampleOptions samples;
  int threads = processor_count();
  bool no_samples = false;
};

void add_samples(Context& context, const ReportOptions& options, ReportData& data) {
  SampleOptions samples = options.samples;
  samples.cancel = &interrupt_token();
  ProgressBar bar("samples", samples.total(), "samples");
  try {
    draw_samples(context, options.run, samples, data, [&](int64_t done) { bar.update(done); });
  } catch (const Error& error) {
    // Prompts that were asked for must work; a report as such is worth having without samples, as of a run that
    // diverged.
    if (!options.samples.prompts.empty()) throw;
    data.samples_note = fmt::format("No samples: {}.", error.what());
  }
  bar.hide();
}

void run(const ReportOptions& options) {
  catch_interrupts();
  const std::filesystem::path out =
      options.out.empty() ? std::filesystem::path(options.run) / kReportFile : std::filesystem::path(options.out);
  require_page_path(out);
  ReportData data = read_run(options.run);
  if (options.no_samples) {
    data.samples_note = "The report was made without samples.";
  } else {
    Context context(options.threads);
    add_samples(context, options, data);
  }
  write_page(out, render_report(data));
  fmt::print("report in {}\n", out.string());
}

}  // namespace

void add_report(CLI::App& app) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "Write the report of a training run, a page that opens offline");
  command->add_option("run", options->run, "The folder of a training run")->required();
  command->add_option("-o,--out", options->out, "The file to write (default: report.html in the run's folder)");
  auto* prompt = command
                     ->add_option("-p,--prompt", options->samples.prompts,
                                  "A text to continue, may be given several times (default: from the validation data)")
                     ->allow_extra_args(false);
  auto* count = command->add_option("--samples", options->samples.count, "Samples to draw, at least one per prompt")
                    ->check(CLI::Range(1, 100))
                    ->capture_default_str();
  command->add_flag("--no-samples", options->no_samples, "Leave the samples out")->excludes(prompt)->excludes(count);
  add_threads_flag(*command, options->threads);
  command->footer(
      "The page holds all it needs: curves, configuration, size, the cache beside baselines, and samples.\n"
      "Examples:\n"
      "  t6 report runs/demo\n"
      "  t6 report runs/demo --prompt 'In the beginning' --prompt 'And he said' --samples 4\n"
      "  t6 report runs/demo --no-samples --out demo.html");
  command->callback([=] { run(*options); });
}

}  // namespace t6
