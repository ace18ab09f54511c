// t6 eval: how well a model predicts a text.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "t6/cli/flags.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/generation_flags.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/eval/byte_model.h"
#include "t6/eval/perplexity.h"
#include "t6/formats/json.h"
#include "t6/formats/token_shard.h"

namespace t6 {
namespace {

struct Options {
  std::string model, text, shard, baseline_train, cache_type = "float32";
  PerplexityOptions perplexity;
  int64_t tokens = 0;
  int threads = processor_count();
  bool json = false;
};

std::vector<int32_t> read_shard(const std::string& path, int64_t limit) {
  const TokenShard shard(path);
  std::vector<int32_t> tokens(static_cast<size_t>(limit > 0 ? std::min(limit, shard.size()) : shard.size()));
  shard.read(0, tokens);
  return tokens;
}

// Bits per byte that the byte model needs for the same text.
double baseline_bits(const std::string& train, const LoadedModel& loaded, std::span<const int32_t> tokens,
                     int64_t bytes) {
  ByteModel model;
  model.train(read_shard(train, 0));
  return model.bits(byte_symbols(*loaded.tokenizer, tokens)) / static_cast<double>(bytes);
}

void print_json(const Perplexity& result, const std::optional<double>& baseline) {
  Json json = {{"loss", result.loss()},
               {"perplexity", result.perplexity()},
               {"bits_per_byte", result.bits_per_byte()},
               {"tokens", result.tokens},
               {"bytes", result.bytes},
               {"context", result.context},
               {"stride", result.stride},
               {"seconds", result.seconds},
               {"tokens_per_second", result.tokens_per_second()}};
  if (baseline) json["baseline_bits_per_byte"] = *baseline;
  fmt::print("{}\n", json.dump(2));
}

void print_text(const Perplexity& result, const std::optional<double>& baseline) {
  fmt::print("{:<24}{:>10.4f}  nats per token\n", "loss", result.loss());
  fmt::print("{:<24}{:>10.4f}\n", "perplexity", result.perplexity());
  fmt::print("{:<24}{:>10.4f}\n", "bits per byte", result.bits_per_byte());
  if (baseline) fmt::print("{:<24}{:>10.4f}  order-3 byte model, Witten-Bell\n", "  simple baseline", *baseline);
  fmt::print("{} tokens ({} bytes) in windows of {} tokens moved by {}: {} at {} tokens/s\n",
             format_digits(result.tokens), format_digits(result.bytes), format_digits(result.context),
             format_digits(result.stride), format_seconds(result.seconds), format_count(result.tokens_per_second()));
}

void run(const Options& options) {
  Context context(options.threads);
  const LoadedModel loaded = load_model(context, options.model);
  const std::vector<int32_t> tokens = options.shard.empty()
                                          ? text_tokens(*loaded.tokenizer, options.text, options.tokens)
                                          : read_shard(options.shard, options.tokens);
  PerplexityOptions choice = options.perplexity;
  choice.cache_type = parse_cache_type(options.cache_type);
  const Perplexity result = [&] {
    ProgressBar bar("evaluating", std::ssize(tokens) - 1, "tokens");
    const Perplexity measured =
        perplexity(context, loaded, tokens, choice, [&](int64_t done, int64_t) { bar.update(done); });
    bar.finish();
    return measured;
  }();
  std::optional<double> baseline;
  if (!options.baseline_train.empty()) {
    baseline = baseline_bits(options.baseline_train, loaded, tokens, result.bytes);
  }
  if (options.json) return print_json(result, baseline);
  print_text(result, baseline);
}

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("eval", "Loss, perplexity and bits per byte of a model on a text");
  add_model_argument(*command, options->model);
  auto* source = command->add_option_group("source", "What is predicted");
  source->add_option("--text", options->text, "A text file");
  source->add_option("--shard", options->shard, "A token shard of the model's own tokenizer (t6 prepare)");
  source->require_option(1);
  command->add_option("--context", options->perplexity.context,
                      "Tokens per window (default: the model's context, at most 1024)");
  command->add_option("--stride", options->perplexity.stride,
                      "Tokens from one window to the next (default: half a window)");
  command->add_option("--tokens", options->tokens, "Only the first tokens of the text (default: all)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--baseline-train", options->baseline_train,
                      "A shard of byte tokens: count it, and print what an order-3 byte model makes of the same text");
  add_cache_type_flag(*command, options->cache_type);
  add_threads_flag(*command, options->threads);
  command->add_flag("--json", options->json, "Print JSON");
  command->footer(
      "Each token but the first is predicted once, from at least context - stride tokens before it.\n"
      "Examples:\n"
      "  t6 eval runs/demo --text book.txt\n"
      "  t6 eval runs/demo --shard data/demo_val.bin --context 256 --stride 128\n"
      "  t6 eval runs/demo --shard data/demo_val.bin --baseline-train data/demo_train.bin --json");
  command->callback([=] { run(*options); });
}

}  // namespace t6
