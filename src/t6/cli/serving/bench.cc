// t6 bench model: how fast a model reads and writes, context by context, beside the rate of the machine's memory.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "t6/bench/machine.h"
#include "t6/bench/timing.h"
#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/generation_flags.h"
#include "t6/core/error.h"
#include "t6/core/stopwatch.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"
#include "t6/infer/session.h"

namespace t6 {
namespace {

struct Options {
  std::string model, cache_type = kServingCacheType;
  std::vector<int64_t> contexts;
  int64_t decode_tokens = 24;
  int threads = processor_count();
  bool json = false;
};

// Used when no contexts are given, as far as the model has positions for them.
constexpr int64_t kContexts[] = {16, 512, 2048, 7900};
// What the model reads, again and again.
constexpr char kSentence[] = "The quick brown fox jumps over the lazy dog. ";

struct Row {
  int64_t context = 0;
  std::optional<double> prefill_rate;  // tokens per second; nothing where an earlier context's decoding went as far
  double decode_rate = 0;
  int64_t cache_bytes = 0, peak_bytes = 0;
  double bytes_a_token = 0;  // that decoding one token reads: weights, and the cache of `context` tokens
};

struct Result {
  double load_s = 0, first_token_s = 0;  // the latter from the start of loading on
  double read_rate = 0;                  // bytes per second
  std::vector<Row> rows;
};

std::vector<int64_t> contexts_of(const Options& options, const ModelConfig& config) {
  const auto room = [&](int64_t contexts) { return config.max_position_embeddings - contexts * options.decode_tokens; };
  std::vector<int64_t> contexts = options.contexts;
  for (const int64_t context : kContexts) {
    if (options.contexts.empty() && context <= room(std::ssize(contexts) + 1)) contexts.push_back(context);
  }
  std::sort(contexts.begin(), contexts.end());
  require(!contexts.empty() && contexts.back() <= room(std::ssize(contexts)),
          "{}: the model has {} positions, too few for contexts up to {} and {} tokens written at each of {}",
          options.model, config.max_position_embeddings, contexts.empty() ? kContexts[0] : contexts.back(),
          options.decode_tokens, contexts.size());
  return contexts;
}

// Text for the longest context; written tokens count towards the next one. Encoding all of it would count as time that
// the first token takes.
std::vector<int32_t> sentence_tokens(const Tokenizer& tokenizer, int64_t count) {
  const std::vector<int32_t> sentence = tokenizer.encode(kSentence);
  require(!sentence.empty(), "the tokenizer makes no token of \"{}\"", kSentence);
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = sentence[i % sentence.size()];
  return tokens;
}

class ModelRun {
 public:
  ModelRun(Context& context, const LoadedModel& loaded, const Options& options, std::vector<int64_t> contexts)
      : options_(options),
        contexts_(std::move(contexts)),
        tokens_(sentence_tokens(*loaded.tokenizer, contexts_.back())),
        pass_(context, loaded.model),
        cache_(loaded.config(), {.type = parse_cache_type(options.cache_type)}),
        weight_bytes_(loaded.model->weight_bytes()),
        progress_("bench", contexts_.back() + std::ssize(contexts_) * options.decode_tokens, "tokens") {
    if (!loaded.config().tie_word_embeddings) weight_bytes_ -= loaded.model->embeddings().bytes();
  }

  // The model reads up to each context and writes some tokens there. The first token is timed by `start`.
  void run(const Stopwatch& start, Result& result) {
    for (const int64_t context : contexts_) {
      Row row = {.context = context, .prefill_rate = read(context)};
      if (result.rows.empty()) result.first_token_s = start.seconds();
      row.bytes_a_token =
          static_cast<double>(weight_bytes_ + std::min(cache_.bytes(), cache_.size() * cache_.bytes_per_token()));
      row.decode_rate = write();
      row.cache_bytes = cache_.bytes();
      row.peak_bytes = peak_memory();
      result.rows.push_back(row);
    }
  }

 private:
  std::optional<double> read(int64_t context) {
    const int64_t count = context - cache_.size();
    if (count <= 0) return {};
    const Stopwatch time;
    while (cache_.size() < context) {
      const int64_t begin = cache_.size(), size = std::min(kPromptChunk, context - begin);
      const auto chunk = std::span(tokens_).subspan(static_cast<size_t>(begin), static_cast<size_t>(size));
      (void)pass_.run(chunk, cache_, begin + size == context ? Logits::last : Logits::none);
      progress_.update(cache_.size());
    }
    return static_cast<double>(count) / time.seconds();
  }

  double write() {
    std::vector<double> times;
    for (int64_t i = 0; i < options_.decode_tokens; ++i) {
      const Stopwatch time;
      (void)pass_.run(std::span(tokens_).first(1), cache_, Logits::last);
      times.push_back(time.seconds());
      progress_.update(cache_.size());
    }
    return 1 / median(times);
  }

  const Options& options_;
  std::vector<int64_t> contexts_;
  std::vector<int32_t> tokens_;
  ForwardPass pass_;
  FactorCache cache_;
  int64_t weight_bytes_;  // that a step reads: all but a table of embeddings of its own, of which it reads a row
  ProgressBar progress_;
};

double roof_percent(const Result& result, const Row& row) {
  return 100 * row.decode_rate * row.bytes_a_token / result.read_rate;
}

void print_json(const Options& options, const LoadedModel& loaded, const Result& result) {
  const Json machine = {{"engine", "t6"},
                        {"model", loaded.path.string()},
                        {"cpu", processor_name()},
                        {"threads", options.threads},
                        {"date", today()},
                        {"weight_bytes", loaded.model->weight_bytes()},
                        {"load_s", result.load_s},
                        {"first_token_s", result.first_token_s},
                        {"read_gbs", result.read_rate / 1e9}};
  fmt::print("{}\n", machine.dump());
  for (const Row& row : result.rows) {
    const Json json = {{"engine", "t6"},
                       {"context", row.context},
                       {"kv", options.cache_type},
                       {"threads", options.threads},
                       {"prefill_tok_s", row.prefill_rate ? Json(*row.prefill_rate) : Json()},
                       {"decode_tok_s", row.decode_rate},
                       {"cache_bytes", row.cache_bytes},
                       {"peak_rss_bytes", row.peak_bytes},
                       {"roof_percent", roof_percent(result, row)}};
    fmt::print("{}\n", json.dump());
  }
}

void print_text(const Options& options, const LoadedModel& loaded, const Result& result) {
  const auto bytes = [](int64_t count) { return format_bytes(static_cast<double>(count)); };
  fmt::print("{}: weights {}, loaded in {:.2f} s, first token after {:.2f} s; cache of {}\n", loaded.path.string(),
             bytes(loaded.model->weight_bytes()), result.load_s, result.first_token_s, options.cache_type);
  fmt::print("{}, threads: {}, {}; memory is read at {:.1f} GB/s\n\n", processor_name(), options.threads, today(),
             result.read_rate / 1e9);
  fmt::print("{:>8}{:>18}{:>17}{:>12}{:>14}{:>14}\n", "context", "read, tokens/s", "write, tokens/s", "cache",
             "peak memory", "% of roof");
  for (const Row& row : result.rows) {
    fmt::print("{:>8}{:>18}{:>17.2f}{:>12}{:>14}{:>14.1f}\n", row.context,
               row.prefill_rate ? fmt::format("{:.1f}", *row.prefill_rate) : "-", row.decode_rate,
               bytes(row.cache_bytes), bytes(row.peak_bytes), roof_percent(result, row));
  }
}

void run(const Options& options) {
  Context context(options.threads);
  Result result;
  const Stopwatch start;
  const LoadedModel loaded = load_model(context, options.model);
  result.load_s = start.seconds();
  print_notes(loaded.notes);
  ModelRun model(context, loaded, options, contexts_of(options, loaded.config()));
  model.run(start, result);
  // Last, so that its memory is not in the model's peak.
  result.read_rate = memory_read_rate(context.threads());
  options.json ? print_json(options, loaded, result) : print_text(options, loaded, result);
}

void add_model(CLI::App& bench) {
  auto options = std::make_shared<Options>();
  CLI::App* command = bench.add_subcommand("model", "Time reading and writing of a model at several contexts");
  add_model_argument(*command, options->model);
  command
      ->add_option("--contexts", options->contexts,
                   "Tokens in the cache (default: 16,512,2048,7900, as far as the model goes)")
      ->delimiter(',')
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31));
  command->add_option("--decode-tokens", options->decode_tokens, "Tokens to write at each context; their median counts")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  add_cache_type_flag(*command, options->cache_type);
  add_threads_flag(*command, options->threads);
  command->add_flag("--json", options->json, "Print a JSON object per line: the model and machine, then each context");
  command->footer(
      "The roof is the rate at which all threads together read memory, measured in the same run; a token that is\n"
      "written reads all weights and the cache once.\n"
      "Examples:\n"
      "  t6 bench model runs/demo\n"
      "  t6 bench model model.gguf --contexts 16,512,2048 --threads 2 --cache-type bfloat16 --json");
  command->callback([=] { run(*options); });
}

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* command = app.add_subcommand("bench", "Measure speed and memory on this machine");
  command->require_subcommand(1);
  add_model(*command);
  add_bench_memory(*command);
  (void)command->add_subcommand("attention", "Time attention of one layer (hands over to the program t6-train)");
  command->footer(
      "Examples:\n  t6 bench model runs/demo\n  t6 bench memory --preset small --budget 4GiB\n"
      "  t6 bench attention --lengths 4096,32768");
}

}  // namespace t6
