// t6 bench model: how fast a model reads and writes, context by context, beside the rate of the machine's memory.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "t6/bench/machine.h"
#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/generation_flags.h"
#include "t6/cli/serving/model_speed.h"
#include "t6/core/error.h"
#include "t6/core/stopwatch.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"
#include "t6/infer/session.h"

namespace t6 {
namespace {

struct BenchOptions {
  std::string model, cache_type = kServingCacheType;
  std::vector<int64_t> contexts;
  int64_t decode_tokens = 24;
  int threads = processor_count();
  bool json = false;
};

// Used when no contexts are given, as far as the model has positions for them.
constexpr int64_t kContexts[] = {16, 512, 2048, 7900};

struct Result {
  double load_s = 0, first_token_s = 0;  // the latter from the start of loading on
  double read_rate = 0;                  // bytes per second
  std::vector<SpeedRow> rows;
};

std::vector<int64_t> contexts_of(const BenchOptions& options, const ModelConfig& config) {
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

double roof_percent(const Result& result, const SpeedRow& row) {
  return 100 * row.decode_rate * row.bytes_a_token / result.read_rate;
}

void print_json(const BenchOptions& options, const LoadedModel& loaded, const Result& result) {
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
  for (const SpeedRow& row : result.rows) {
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

void print_text(const BenchOptions& options, const LoadedModel& loaded, const Result& result) {
  const auto bytes = [](int64_t count) { return format_bytes(static_cast<double>(count)); };
  fmt::print("{}: weights {}, loaded in {:.2f} s, first token after {:.2f} s; cache of {}\n", loaded.path.string(),
             bytes(loaded.model->weight_bytes()), result.load_s, result.first_token_s, options.cache_type);
  fmt::print("{}, threads: {}, {}; memory is read at {:.1f} GB/s\n\n", processor_name(), options.threads, today(),
             result.read_rate / 1e9);
  fmt::print("{:>8}{:>18}{:>17}{:>12}{:>14}{:>14}\n", "context", "read, tokens/s", "write, tokens/s", "cache",
             "peak memory", "% of roof");
  for (const SpeedRow& row : result.rows) {
    fmt::print("{:>8}{:>18}{:>17.2f}{:>12}{:>14}{:>14.1f}\n", row.context,
               row.prefill_rate ? fmt::format("{:.1f}", *row.prefill_rate) : "-", row.decode_rate,
               bytes(row.cache_bytes), bytes(row.peak_bytes), roof_percent(result, row));
  }
}

void run(const BenchOptions& options) {
  Context context(options.threads);
  Result result;
  const Stopwatch start;
  const LoadedModel loaded = load_model(context, options.model);
  result.load_s = start.seconds();
  print_notes(loaded.notes);
  result.rows = model_speed(context, loaded,
                            {.contexts = contexts_of(options, loaded.config()),
                             .decode_tokens = options.decode_tokens,
                             .cache_type = parse_cache_type(options.cache_type)});
  result.first_token_s = result.load_s + result.rows.front().first_token_s;
  // Last, so that its memory is not in the model's peak.
  result.read_rate = memory_read_rate(context.threads());
  options.json ? print_json(options, loaded, result) : print_text(options, loaded, result);
}

void add_model(CLI::App& bench) {
  auto options = std::make_shared<BenchOptions>();
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
