// t6 eval: how well a model predicts a text, chooses among answers, or writes them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/eval_answers.h"
#include "t6/cli/serving/eval_labels.h"
#include "t6/cli/serving/generation_flags.h"
#include "t6/cli/serving/task_flags.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/eval/byte_model.h"
#include "t6/eval/perplexity.h"
#include "t6/formats/json.h"
#include "t6/formats/token_shard.h"
#include "t6/report/page_file.h"
#include "t6/report/position_page.h"
#include "t6/text/document_tokens.h"

namespace t6 {
namespace {

struct EvalOptions {
  std::string model, text, shard, classify, baseline_train, report, cache_type = "float32";
  DocumentOptions documents;
  PerplexityOptions perplexity;
  TaskFlags tasks;
  AnswerFlags answers;
  int64_t tokens = 0, limit = 0;
  int threads = processor_count();
  bool json = false, by_position = false;
};

// A shard, or the shards of a split in a folder.
std::vector<int32_t> read_shards(const std::string& path, const char* split, int64_t limit) {
  const TokenShardSet shards(path, split);
  std::vector<int32_t> tokens(static_cast<size_t>(limit > 0 ? std::min(limit, shards.size()) : shards.size()));
  shards.read(0, tokens);
  return tokens;
}

// Bits per byte that the byte model needs for the same text.
double baseline_bits(const std::string& train, const LoadedModel& loaded, std::span<const int32_t> tokens,
                     int64_t bytes) {
  ByteModel model;
  model.train(byte_symbols(*loaded.tokenizer, read_shards(train, "train", 0)));
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
  for (const PositionLoss& each : result.by_position) {
    json["by_position"].push_back(
        {{"begin", each.begin}, {"end", each.end}, {"tokens", each.tokens}, {"loss", each.loss()}});
  }
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

void print_positions(const Perplexity& result) {
  fmt::print("\n{:<16}{:>12}{:>10}{:>12}\n", "tokens before", "predicted", "loss", "perplexity");
  for (const PositionLoss& each : result.by_position) {
    const int64_t last = std::min(each.end - 1, result.context);
    fmt::print("{:<16}{:>12}{:>10.4f}{:>12.4f}\n",
               last == each.begin ? fmt::format("{}", last) : fmt::format("{} to {}", each.begin, last),
               format_digits(each.tokens), each.loss(), std::exp(each.loss()));
  }
}

void write_report(const EvalOptions& options, const Perplexity& result) {
  const std::filesystem::path model(options.model);
  PositionPage report{.model = model.has_filename() ? model.filename().string() : options.model,
                      .text = options.shard.empty() ? options.text : options.shard,
                      .loss = result.loss(),
                      .bits_per_byte = result.bits_per_byte(),
                      .tokens = result.tokens,
                      .context = result.context,
                      .stride = result.stride};
  for (const PositionLoss& each : result.by_position) {
    report.parts.push_back({each.begin, std::min(each.end, result.context + 1), each.tokens, each.loss()});
  }
  write_page(options.report, render_position_page(report));
}

void run_text(const EvalOptions& options) {
  Context context(options.threads);
  const LoadedModel loaded = load_model(context, options.model);
  print_notes(loaded.notes);
  const std::vector<int32_t> tokens =
      options.shard.empty() ? document_tokens(*loaded.tokenizer, {options.text}, options.documents, options.tokens)
                            : read_shards(options.shard, "val", options.tokens);
  PerplexityOptions choice = options.perplexity;
  choice.cache_type = parse_cache_type(options.cache_type);
  warn_beyond_context(loaded, choice.context);
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
  if (!options.report.empty()) write_report(options, result);
  if (options.json) return print_json(result, baseline);
  print_text(result, baseline);
  if (options.by_position) print_positions(result);
}

void run_written(const EvalOptions& options) {
  Context context(options.threads);
  const LoadedModel loaded = load_model(context, options.model);
  print_notes(loaded.notes);
  run_answers(
      context, loaded, options.answers,
      {options.perplexity.context, parse_cache_type(options.cache_type), options.limit, options.report, options.json});
}

// Sources that flags are about; nothing that is given is passed over.
struct About {
  std::vector<const char*> flags, sources;
};

const std::vector<About>& flags_and_sources() {
  static const std::vector<About> kTable = {
      {{"--field", "--stride", "--tokens", "--baseline-train", "--by-position"}, {"--text", "--shard"}},
      {{"--context"}, {"--text", "--shard", "--answers", "--longbench", "--passkey"}},
      {{"--report"}, {"--text", "--shard", "--passkey"}},
      {{"--limit"}, {"--tasks", "--task-file", "--answers", "--longbench", "--classify"}},
      {{"--task-data"}, {"--tasks"}},
      {{"--shots"}, {"--tasks", "--task-file"}},
      {{"--prompts", "--prompt-tokens"}, {"--longbench"}},
      {{"--chinese-words"}, {"--answers", "--longbench"}},
      {{"--depths", "--samples", "--seed"}, {"--passkey"}},
      {{"--cache-memory", "--chat"}, {"--answers", "--longbench", "--passkey"}}};
  return kTable;
}

// One of them is evaluated; --tasks and --task-file go together.
void check_sources(const CLI::App& command) {
  static const std::vector<std::vector<const char*>> kSources = {
      {"--text"},    {"--shard"},   {"--tasks", "--task-file"}, {"--answers"}, {"--longbench"},
      {"--passkey"}, {"--classify"}};
  std::vector<const char*> given, names;
  for (const auto& source : kSources) {
    names.insert(names.end(), source.begin(), source.end());
    const auto found = std::ranges::find_if(source, [&](const char* flag) { return command.count(flag) > 0; });
    if (found != source.end()) given.push_back(*found);
  }
  if (given.empty()) throw CLI::RequiredError(fmt::format("one of {}", fmt::join(names, ", ")));
  if (given.size() > 1) throw CLI::ExcludesError(given[0], given[1]);
}

void check_flags(const CLI::App& command) {
  for (const auto& [flags, sources] : flags_and_sources()) {
    if (std::ranges::any_of(sources, [&](const char* source) { return command.count(source) > 0; })) continue;
    for (const char* flag : flags) {
      if (command.count(flag) > 0) throw CLI::RequiresError(flag, fmt::format("{}", fmt::join(sources, " or ")));
    }
  }
}

void run(const CLI::App& command, EvalOptions options) {
  check_sources(command);
  check_flags(command);
  if (!options.report.empty()) require_page_path(options.report);
  if (!options.classify.empty()) {
    return run_labels(options.model, options.classify, {options.limit, parse_cache_type(options.cache_type)},
                      options.threads, options.json);
  }
  if (options.answers.given()) return run_written(options);
  if (!options.tasks.given()) return run_text(options);
  options.tasks.options.limit = options.limit;
  run_tasks(options.tasks, options.model, parse_cache_type(options.cache_type), options.threads, options.json);
}

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command = app.add_subcommand(
      "eval", "Loss, perplexity and bits per byte of a model on a text; scores of tasks and of answers");
  add_model_argument(*command, options->model);
  auto* source = command->add_option_group("source", "What is predicted");
  source->add_option("--text", options->text, "A text, JSONL file or folder, as 't6 prepare' reads them");
  source->add_option(
      "--shard", options->shard,
      "A token shard of the model's own tokenizer, or a folder that 't6 prepare' made: its validation split");
  source->add_option("--classify", options->classify,
                     "Documents with labels, for the classifier of a run with [task]: how often it is right");
  command
      ->add_option("--field", options->documents.text_field,
                   "Key of a JSONL line, or column of a Parquet file, that holds its text")
      ->capture_default_str();
  command->add_option(
      "--context", options->perplexity.context,
      "Tokens per window (default: the model's context, at most 1024), or of a prompt and its answer (default: the "
      "model's context); may be more than that context");
  command->add_option("--stride", options->perplexity.stride,
                      "Tokens from one window to the next (default: half a window)");
  command->add_option("--tokens", options->tokens, "Only the first tokens of the text (default: all)")
      ->check(count_from(0));
  command->add_option(
      "--baseline-train", options->baseline_train,
      "A shard of the same tokens: count its bytes, and print what an order-3 byte model makes of the text");
  add_cache_type_flag(*command, options->cache_type);
  add_threads_flag(*command, options->threads);
  command->add_flag("--by-position", options->by_position,
                    "Also print the loss by the number of tokens that a prediction is made from");
  command->add_option(
      "--report", options->report,
      "Write a page to this file: a chart of the loss by position, or of pass keys by depth and length");
  command
      ->add_option(
          "--limit", options->limit,
          "Only the first documents of each task or file, of each subject where it has subjects (default: all)")
      ->check(count_from(0));
  command->add_flag("--json", options->json, "Print JSON");
  add_task_flags(*command, *source, options->tasks);
  add_answer_flags(*command, *source, options->answers);
  command->footer(
      "Each token but the first is predicted once, from at least context - stride tokens before it.\n"
      "Examples:\n"
      "  t6 eval runs/demo --text book.txt\n"
      "  t6 eval runs/demo --shard data/demo --context 256 --stride 256 --by-position\n"
      "  t6 eval runs/demo --shard data/demo_val.bin --baseline-train data/demo_train.bin --json\n"
      "  t6 eval model.gguf --tasks arc_easy,hellaswag --shots 5 --limit 200\n"
      "  t6 eval runs/demo --answers needles.jsonl\n"
      "  t6 eval runs/listops --classify listops-test.jsonl\n"
      "  t6 eval model.gguf --chat --longbench hotpotqa.jsonl gov_report.jsonl --limit 50\n"
      "  t6 eval model.gguf --passkey 1024,2048,4096 --report passkey.html");
  command->callback([=] { run(*command, *options); });
}

}  // namespace t6
