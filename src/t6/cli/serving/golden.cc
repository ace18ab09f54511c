// t6 golden: the paper's reference models, recomputed.
#include <memory>

#include "t6/cli/golden_files.h"
#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/infer/golden.h"

namespace t6 {
namespace {

void run(const std::string& folder) {
  Context context;
  size_t failures = 0;
  const auto files = golden_files(folder);
  for (const auto& path : files) {
    const double error = golden_error(context, path);
    const bool good = error <= kGoldenTolerance;
    failures += good ? 0 : 1;
    fmt::print("{:<32}largest error {:.2e} of the largest logit  {}\n", path.stem().string(), error,
               good ? "PASS" : "FAIL");
  }
  require(failures == 0, "{} of {} golden files differ by more than {:.0e}", failures, files.size(), kGoldenTolerance);
}

}  // namespace

void add_golden(CLI::App& app) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("golden", "Recompute the logits of the paper's reference models");
  command->add_option("folder", *folder, "A folder of golden files (*.safetensors)")->required();
  command->footer(
      "Prints each model's largest error relative to its largest logit, and fails above 1e-4.\n"
      "Example:\n  t6 golden tests/golden");
  command->callback([=] { run(*folder); });
}

}  // namespace t6
