// t6 export: a model in the form that other programs read.
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/partial_folder.h"
#include "t6/core/threads.h"
#include "t6/import/export_gguf.h"
#include "t6/import/export_hugging_face.h"

namespace t6 {
namespace {

struct ExportOptions {
  std::string model, to, out;
  std::optional<std::string> type;
  int threads = processor_count();
};

// Of matrices in a GGUF file.
const std::map<std::string, std::optional<NumberType>> kExportTypes = {{"stored", std::nullopt},
                                                                       {"f32", NumberType::f32},
                                                                       {"f16", NumberType::f16},
                                                                       {"bf16", NumberType::bf16},
                                                                       {"q8", NumberType::q8_0}};

void run_gguf(const ExportOptions& options) {
  Context context(options.threads);
  require(!path_exists(options.out), "{}: exists already", options.out);
  ImportedModel model = read_model(context, options.model);
  print_notes(model.notes);
  const auto type = kExportTypes.at(options.type.value_or("stored"));
  print_notes(export_gguf(context, std::move(model), type, options.model, options.out));
  fmt::print("{}: for llama.cpp\n", options.out);
}

void run_hugging_face(const ExportOptions& options) {
  if (options.type) throw CLI::ValidationError("--type: goes with --to gguf");
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
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Write a model in the form that other programs read");
  add_model_argument(*command, options->model);
  command->add_option("--to", options->to, "hf: a folder for Hugging Face's transformers; gguf: a file for llama.cpp")
      ->required()
      ->check(CLI::IsMember({"hf", "gguf"}));
  command->add_option("-o,--out", options->out, "The folder or the file to make")->required();
  command->add_option("--type", options->type, "Of matrices in a GGUF file; stored: as they are")
      ->check(CLI::IsMember(kExportTypes))
      ->default_str("stored");
  add_threads_flag(*command, options->threads);
  command->footer(
      "hf: the folder has its own Python files, so that it needs torch and transformers and nothing of T6. Quantized\n"
      "matrices become float32.\n"
      "gguf: models of the kinds mha, gqa and mqa without options that llama.cpp does not know. With q8, matrices\n"
      "whose rows are no multiple of 32 long become bfloat16.\n"
      "Examples:\n"
      "  t6 export runs/demo --to hf --out models/demo-hf\n"
      "  lm_eval --model hf --model_args pretrained=models/demo-hf,trust_remote_code=True --tasks hellaswag\n"
      "  t6 export runs/gqa --to gguf --type q8 --out models/gqa-q8.gguf");
  command->callback([=] { options->to == "gguf" ? run_gguf(*options) : run_hugging_face(*options); });
}

}  // namespace t6
