// The program t6: the commands of the serving wing, and the door to t6-train.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "t6/cli/program.h"
#include "t6/cli/serving/commands.h"
#include "t6/core/version.h"

namespace {

bool is_training(const std::vector<std::string>& words) {
  if (words.empty()) return false;
  return words[0] == "train" || (words[0] == "bench" && words.size() > 1 && words[1] == "attention");
}

}  // namespace

int main(int argc, char** argv) {
  // Commands of the training wing go to t6-train as they are, before anything here looks at their flags.
  const std::vector<std::string> words(argv + std::min(1, argc), argv + argc);
  if (is_training(words)) {
    CLI::App door;
    door.callback([&] { t6::run_beside("t6-train", words); });
    return t6::run_program(door, 1, argv);
  }
  CLI::App app("T6: models built on Tensor Product Attention, with a factorized KV cache", "t6");
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("t6 {}", t6::version()));
  app.footer("Start with 't6 info nano-tpa', or 'make demo' in the source folder.");
  t6::add_info(app);
  t6::add_tokenizer(app);
  t6::add_prepare(app);
  t6::add_task(app);
  t6::add_eval(app);
  t6::add_generate(app);
  t6::add_chat(app);
  t6::add_serve(app);
  t6::add_report(app);
  t6::add_compare(app);
  t6::add_import(app);
  t6::add_quantize(app);
  t6::add_export(app);
  t6::add_golden(app);
  t6::add_bench(app);
  (void)app.add_subcommand("train", "Train a model (hands over to the program t6-train)");
  return t6::run_program(app, argc, argv);
}
