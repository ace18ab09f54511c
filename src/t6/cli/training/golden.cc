// t6-train golden: the training wing against golden files, a line per file.
#include <cstdio>
#include <memory>

#include "t6/cli/golden_files.h"
#include "t6/cli/training/commands.h"
#include "t6/core/error.h"
#include "t6/train/golden.h"

namespace t6 {
namespace {

// Prints a file's line. One that cannot be read fails as one that differs does.
bool passes(const std::filesystem::path& file) {
  fmt::print("{:<26}", file.filename().string());
  try {
    const GoldenErrors errors = check_golden(file);
    fmt::print("{:>10.1e}{:>10.1e}{:>10.1e}{:>10.1e}{:>10.1e}  {}\n", errors.logits, errors.gradients, errors.losses,
               errors.gradient_norms, errors.parameters, errors.passed() ? "ok" : "FAILED");
    return errors.passed();
  } catch (const Error& error) {
    fmt::print("{}  FAILED\n", error.what());
    return false;
  }
}

void run(const std::string& folder) {
  const auto files = golden_files(folder);
  fmt::print("training wing: largest errors\n{:<26}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "", "logits", "gradients",
             "losses", "norms", "parameters");
  int failed = 0;
  for (const auto& file : files) {
    failed += passes(file) ? 0 : 1;
  }
  require(failed == 0, "{} of {} golden files cannot be read or do not match", failed, files.size());
}

}  // namespace

void add_golden(CLI::App& app) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("golden", "Check logits, gradients and AdamW steps against golden files");
  command->add_option("folder", *folder, "Folder of .safetensors golden files")->required();
  command->footer("Example:\n  t6-train golden tests/golden");
  command->callback([=] { run(*folder); });
}

}  // namespace t6
