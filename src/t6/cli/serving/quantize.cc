// t6 quantize: a model's matrices in fewer bits.
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/weight_words.h"
#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/partial_folder.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/eval/perplexity.h"
#include "t6/formats/json.h"
#include "t6/import/quantize_model.h"

namespace t6 {
namespace {

const std::map<std::string, NumberType> kTypes = {
    {"q8", NumberType::q8_0}, {"q4", NumberType::q4_1}, {"bf16", NumberType::bf16}};

struct QuantizeOptions {
  std::string model, type, out, text;
  int64_t tokens = 4096;  // enough to see a difference of a percent, a minute or so for a large model
  int threads = processor_count();
  bool json = false;
};

// One side of the comparison.
struct Side {
  WeightSizes sizes;
  std::optional<Perplexity> perplexity;
};

std::optional<Perplexity> measure(Context& context, const QuantizeOptions& options, const std::string& model) {
  if (options.text.empty()) return std::nullopt;
  const LoadedModel loaded = load_model(context, model);
  const std::vector<int32_t> tokens = text_tokens(*loaded.tokenizer, options.text, options.tokens);
  ProgressBar bar("evaluating", std::ssize(tokens) - 1, "tokens");
  const Perplexity result = perplexity(context, loaded, tokens, {}, [&](int64_t done, int64_t) { bar.update(done); });
  bar.finish();
  return result;
}

Json to_json(const Side& side) {
  Json json = {{"bytes", side.sizes.bytes}};
  for (const auto& [type, numbers] : side.sizes.numbers) json["numbers"][std::string(weight_type_name(type))] = numbers;
  if (side.perplexity) {
    json["perplexity"] = side.perplexity->perplexity();
    json["loss"] = side.perplexity->loss();
    json["tokens"] = side.perplexity->tokens;
  }
  return json;
}

void print_side(const char* name, const Side& side) {
  fmt::print("{:<8}{:>12}", name, format_bytes(static_cast<double>(side.sizes.bytes)));
  if (side.perplexity) fmt::print("   perplexity {:.4f}", side.perplexity->perplexity());
  fmt::print("   {}\n", weight_words(side.sizes));
}

void run(const QuantizeOptions& options) {
  Context context(options.threads);
  require(!path_exists(options.out), "{}: exists already", options.out);
  PartialFolder::require_free(options.out);
  Side before, after;
  before.perplexity = measure(context, options, options.model);
  {
    ImportedModel model = read_model(context, options.model);
    print_notes(model.notes);
    before.sizes = weight_sizes(model.tensors);
    ProgressBar bar("quantizing", std::ssize(model.tensors), "tensors");
    model = quantize_model(context, std::move(model), kTypes.at(options.type), options.model,
                           [&](int64_t done, int64_t) { bar.update(done); });
    bar.finish();
    after.sizes = weight_sizes(model.tensors);
    write_model(model, options.out);
  }
  after.perplexity = measure(context, options, options.out);
  if (options.json) return fmt::print("{}\n", Json{{"before", to_json(before)}, {"after", to_json(after)}}.dump(2));
  print_side("before", before);
  print_side("after", after);
  if (after.perplexity) fmt::print("perplexity of {} tokens\n", format_digits(after.perplexity->tokens));
}

}  // namespace

void add_quantize(CLI::App& app) {
  auto options = std::make_shared<QuantizeOptions>();
  CLI::App* command = app.add_subcommand("quantize", "Write a model with its matrices in fewer bits");
  add_model_argument(*command, options->model);
  command->add_option("--type", options->type, "8 or 4 bits in blocks of 32 with a scale, or bfloat16")
      ->required()
      ->check(CLI::IsMember(kTypes));
  command->add_option("--out", options->out, "The folder to make")->required();
  command->add_option("--text", options->text, "A text file: print the perplexity before and after");
  command->add_option("--tokens", options->tokens, "Only the first tokens of the text")
      ->capture_default_str()
      ->check(count_from(1));
  add_threads_flag(*command, options->threads);
  command->add_flag("--json", options->json, "Print JSON");
  command->footer(
      "With q4, embeddings and output head become q8. Matrices whose rows are no multiple of 32 long become bfloat16;\n"
      "norms, biases and constant factors stay as they are, and nothing becomes larger.\n"
      "Examples:\n"
      "  t6 quantize runs/demo --type q8 --out models/demo-q8\n"
      "  t6 quantize runs/demo --type q4 --out models/demo-q4 --text book.txt");
  command->callback([=] { run(*options); });
}

}  // namespace t6
