// t6-train bench attention: attention from the cache of every kind, beside stock PyTorch and the machine's roof.
#include <iterator>
#include <memory>
#include <string>

#include "t6/attention_bench/options.h"
#include "t6/attention_bench/runs.h"
#include "t6/cli/training/commands.h"
#include "t6/core/threads.h"

namespace t6 {
namespace {

// Of heads, features, ranks and sequences; with them and the longest cache, counts of bytes stay inside int64.
constexpr int64_t kLargestSize = 1 << 11, kLargestLength = 1 << 24;
constexpr int64_t kPaperLengths[] = {1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16, 1 << 17, 1 << 18, 1 << 19};

// Flags that do not go together are as wrong as one that is wrong by itself.
void check(const BenchOptions& options) {
  const auto want = [](bool good, const std::string& message) {
    if (!good) throw CLI::ValidationError(message);
  };
  const bool draws = !options.plot.empty();  // for numbers of heads of its own
  for (const std::string& kind : options.kinds) {
    want(kind != "gqa" || draws || options.heads % options.groups == 0, "--groups must divide --heads");
    want(kind != "mla" || !options.prefill, "--prefill compares mha, gqa, mqa and tpa, not mla");
  }
  for (const std::string& dtype : options.dtypes) {
    want(!options.prefill || dtype == "float32" || dtype == "bfloat16",
         "--prefill multiplies numbers of float32 or bfloat16, not " + dtype);
  }
  want(!draws || options.dtypes.size() == 1, "--plot draws one of --dtypes");
  want(!draws || options.threads.size() == 1, "--plot draws one of --threads");
  const std::string problem = draws ? plot_problem(options) : "";
  want(problem.empty(), problem);
}

void run(const BenchOptions& options) {
  check(options);
  if (!options.plot.empty()) return bench_plot(options);
  if (options.prefill) return bench_prefill(options);
  bench_decode(options);
}

void add_attention(CLI::App& bench) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = bench.add_subcommand("attention", "Time attention of one layer beside stock PyTorch");
  const auto list = [&](const char* flag, auto& values, const char* help) {
    return command->add_option(flag, values, help)->delimiter(',')->capture_default_str();
  };
  const auto size = [&](const char* flag, int64_t& value, const char* help) {
    return command->add_option(flag, value, help)->check(CLI::Range(int64_t{1}, kLargestSize))->capture_default_str();
  };
  auto* kinds = list("--kinds", options->kinds, "Kinds of attention (with --prefill: tpa)");
  kinds->check(CLI::IsMember({"mha", "gqa", "mqa", "mla", "tpa"}));
  auto* lengths = list("--lengths", options->lengths, "Tokens in the cache (with --plot: 2^12 to 2^19)");
  lengths->check(CLI::Range(int64_t{1}, kLargestLength));
  list("--batch", options->batches, "Sequences at once")->check(CLI::Range(int64_t{1}, kLargestSize));
  list("-t,--threads", options->threads, "Threads of both engines")->check(CLI::Range(1, kMostThreads));
  auto* dtypes = list("--dtypes", options->dtypes,
                      "What our caches hold (with --plot: bfloat16); with --prefill what both multiply (float32)");
  dtypes->check(CLI::IsMember(cache_type_names()));
  auto* heads = size("--heads", options->heads, "Heads");
  size("--dim", options->dim, "Features of a head");
  size("--groups", options->groups, "Key and value heads of gqa");
  size("--q-rank", options->q_rank, "Rank of tpa's queries");
  size("--kv-rank", options->kv_rank, "Rank of tpa's keys, and of its values");
  size("--mla-latent", options->mla_latent, "Latent features of mla");
  size("--mla-rope", options->mla_rope, "Rotated features of mla's keys");
  auto* prefill =
      command->add_flag("--prefill", options->prefill, "Time prompts of --lengths tokens, from their factors");
  command->add_option("--plot", options->plot, "Draw the paper's figure 5 for this machine (.svg or .png)")
      ->excludes(prefill)
      ->excludes(heads);
  command->add_flag("--json", options->json, "Print a JSON object per line: the machine's roof, then each row");
  command->footer(
      "A row is one decode step of one layer on a cache in pages, in our kernels; 'PyTorch ms' is the same kind in\n"
      "stock PyTorch at float32 (a prompt's: at the same numbers), 'ratio' its time over ours. PyTorch's operators "
      "give the roof, in the same run.\n"
      "Examples:\n"
      "  t6 bench attention\n"
      "  t6 bench attention --kinds tpa,gqa --lengths 4096,16384,65536 --dtypes float32 --batch 1,8 --threads 1,2\n"
      "  t6 bench attention --prefill --heads 34 --q-rank 6 --kv-rank 2 --dtypes float32,bfloat16\n"
      "  t6 bench attention --plot figure5.svg --batch 1,16");
  command->callback([=] {
    if (options->prefill) {
      if (dtypes->count() == 0) options->dtypes = {"float32"};
      if (kinds->count() == 0) options->kinds = {"tpa"};
    }
    if (!options->plot.empty()) {
      if (dtypes->count() == 0) options->dtypes = {"bfloat16"};  // as the paper's
      if (lengths->count() == 0) options->lengths.assign(std::begin(kPaperLengths), std::end(kPaperLengths));
    }
    run(*options);
  });
}

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* command = app.add_subcommand("bench", "Measure speed on this machine");
  command->require_subcommand(1);
  add_attention(*command);
}

}  // namespace t6
