// t6 import: makes a model folder of a model that another program wrote.
#include "t6/import/import.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/weight_words.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/partial_folder.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/formats/model_files.h"
#include "t6/import/architectures.h"
#include "t6/model/costs.h"

namespace t6 {
namespace {

struct ImportOptions {
  std::string source, out, tokenizer, model;
  int threads = processor_count();
};

void run(const ImportOptions& options) {
  Context context(options.threads);
  require(!path_exists(options.out), "{}: exists already", options.out);
  PartialFolder::require_free(options.out);
  ImportedModel model = options.model.empty() ? import_model(context, find_model(options.source))
                                              : import_paper_folder(options.source, options.model);
  if (!options.tokenizer.empty()) model.tokenizer_json = read_tokenizer_json(options.tokenizer);
  print_notes(model.notes);
  if (!model.tokenizer_json.empty()) {
    print_notes(tokenizer_notes(Tokenizer(model.tokenizer_json, options.source), model.config, options.source));
  }
  write_model(model, options.out);
  const ModelConfig& config = model.config;
  const WeightSizes sizes = weight_sizes(model.tensors);
  fmt::print("{}: {} with {} layers, width {}, vocabulary {}, context {}; {} parameters\n", options.out,
             attention_kind_name(config.attention_kind), config.num_hidden_layers, config.hidden_size,
             format_digits(config.vocab_size), format_digits(config.max_position_embeddings),
             format_digits(parameter_count(config)));
  fmt::print("weights: {} ({}); chat template: {}\n", format_bytes(static_cast<double>(sizes.bytes)),
             weight_words(sizes), model.text.chat_template.empty() ? "none" : "yes");
}

}  // namespace

void add_import(CLI::App& app) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command = app.add_subcommand("import",
                                         "Make a model folder of a GGUF file, a Hugging Face folder or a "
                                         "checkpoint of the paper's code");
  command
      ->add_option("source", options->source,
                   "A GGUF file, a Hugging Face folder, or the paper's folder or .safetensors")
      ->required();
  command->add_option("-o,--out", options->out, "The model folder to make")->required();
  command->add_option("--tokenizer", options->tokenizer,
                      "A tokenizer.json, or a folder with one, instead of the source's own (the paper's has none)");
  command->add_option("--model", options->model,
                      "Which of the paper's models the folder holds, by the name of its file there: T6, T6_kvonly, "
                      "llama-gqa, ...");
  add_threads_flag(*command, options->threads);
  command->footer(
      fmt::format("Architectures: {}; in GGUF files {}. What is not supported is refused by name.\n",
                  hugging_face_names(), gguf_names()) +
      "Other commands also take a GGUF file or a Hugging Face folder directly.\n"
      "Weights may lie in model.safetensors or pytorch_model.bin, of which nothing is run. Of a GGUF model in\n"
      "several files name the first, NAME-00001-of-00003.gguf.\n"
      "Examples:\n"
      "  t6 import SmolLM2-135M-Instruct.gguf --out models/smollm2\n"
      "  t6 import Qwen2.5-0.5B/ --out models/qwen\n"
      "  t6 import out_T6/checkpoint-50000 --model T6 --tokenizer gpt2/tokenizer.json --out models/paper");
  command->callback([=] { run(*options); });
}

}  // namespace t6
