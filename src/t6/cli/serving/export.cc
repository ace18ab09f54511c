// t6 export: a model in the form that other programs read.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/partial_folder.h"
#include "t6/core/threads.h"
#include "t6/import/export_hugging_face.h"

namespace t6 {
namespace {

struct Options {
  std::string model, to, out;
  int threads = processor_count();
};

void run(const Options& options) {
  Context context(options.threads);
  require(!path_exists(options.out), "{}: exists already", options.out);
  PartialFolder::require_free(options.out);
  const ImportedModel model = read_model(context, options.model);
  print_notes(model.notes);
  export_hugging_face(model, options.out);
  fmt::print("{}: for transformers, with trust_remote_code=True; tokenizer: {}\n", options.out,
             model.tokenizer_json.empty() ? "none" : "yes");
}

}  // namespace

void add_export(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("export", "Write a model in the form that other programs read");
  add_model_argument(*command, options->model);
  command->add_option("--to", options->to, "hf: a folder for Hugging Face's transformers")
      ->required()
      ->check(CLI::IsMember({"hf"}));
  command->add_option("-o,--out", options->out, "The folder to make")->required();
  add_threads_flag(*command, options->threads);
  command->footer(
      "The folder has its own Python files, so that it needs torch and transformers and nothing of T6. Quantized\n"
      "matrices become float32.\n"
      "Examples:\n"
      "  t6 export runs/demo --to hf --out models/demo-hf\n"
      "  lm_eval --model hf --model_args pretrained=models/demo-hf,trust_remote_code=True --tasks hellaswag");
  command->callback([=] { run(*options); });
}

}  // namespace t6
