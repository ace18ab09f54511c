// t6 golden: the paper's reference models, recomputed.
#include <memory>

#include "t6/cli/golden_files.h"
#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/infer/golden.h"

namespace t6 {
namespace {

// Prints a file's line. One that cannot be read fails as one that differs does.
bool passes(Context& context, const std::filesystem::path& path) {
  fmt::print("{:<32}", path.stem().string());
  try {
    const double error = golden_error(context, path);
    const bool good = error <= kGoldenTolerance;
    fmt::print("largest error {:.2e} of the largest logit  {}\n", error, good ? "PASS" : "FAIL");
    return good;
  } catch (const Error& error) {
    fmt::print("{}  FAIL\n", error.what());
    return false;
  }
}

void run(const std::string& folder) {
  Context context;
  size_t failures = 0;
  const auto files = golden_files(folder);
  for (const auto& path : files) {
    failures += passes(context, path) ? 0 : 1;
  }
  require(failures == 0, "{} of {} golden files cannot be read or differ by more than {:.0e}", failures, files.size(),
          kGoldenTolerance);
}

}  // namespace

void add_golden(CLI::App& app) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("golden", "Recompute the logits of the paper's reference models");
  command->add_option("folder", *folder, "A folder of golden files (*.safetensors)")->required();
  command->footer(
      "Prints each model's largest error relative to its largest logit, and fails above 1e-4. A file that fails or "
      "cannot\n"
      "be read does not keep the others from being tried.\n"
      "Example:\n  t6 golden tests/golden");
  command->callback([=] { run(*folder); });
}

}  // namespace t6
