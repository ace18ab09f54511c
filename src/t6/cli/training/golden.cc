// t6-train golden: the training wing against golden files, a line a file.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "t6/cli/training/commands.h"
#include "t6/core/error.h"
#include "t6/train/golden.h"

namespace t6 {
namespace {

void run(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  require(std::filesystem::is_directory(folder), "{}: not a folder", folder);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  require(!files.empty(), "{}: no .safetensors file in this folder", folder);
  std::sort(files.begin(), files.end());
  fmt::print("training wing: largest errors\n{:<26}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "", "logits", "gradients",
             "losses", "norms", "parameters");
  int failed = 0;
  for (const auto& file : files) {
    const GoldenErrors errors = check_golden(file);
    failed += !errors.passed();
    fmt::print("{:<26}{:>10.1e}{:>10.1e}{:>10.1e}{:>10.1e}{:>10.1e}  {}\n", file.filename().string(), errors.logits,
               errors.gradients, errors.losses, errors.gradient_norms, errors.parameters,
               errors.passed() ? "ok" : "FAILED");
  }
  require(failed == 0, "{} of {} golden files do not match", failed, files.size());
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
