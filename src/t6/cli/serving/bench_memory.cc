// t6 bench memory: how many tokens of each kind of attention a budget of memory holds, and how fast they are read
// there.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "t6/bench/machine.h"
#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/commands.h"
#include "t6/cli/serving/memory_run.h"
#include "t6/core/error.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"
#include "t6/model/costs.h"
#include "t6/model/presets.h"
#include "t6/numbers/cache_type.h"
#include "t6/report/page_file.h"

namespace t6 {
namespace {

struct BenchMemoryOptions {
  std::string preset = "small", budget = "4GiB", report;
  std::vector<std::string> kinds, cache_types = {"bfloat16", "int8", "int4"};
  MemoryRunOptions run;
  int threads = processor_count();
  bool json = false;
};

// Of the presets of this size, "small-mha" and so on.
std::vector<std::string> kinds_of(const std::string& size) {
  std::vector<std::string> kinds;
  for (const std::string& name : preset_names()) {
    if (name.starts_with(size + "-")) kinds.push_back(name.substr(size.size() + 1));
  }
  require(!kinds.empty(), "no presets are of the size \"{}\"; there are {}", size, fmt::join(preset_names(), ", "));
  return kinds;
}

// The most that a run takes, weights and cache.
int64_t most_bytes(const BenchMemoryOptions& options) {
  int64_t most = 0;
  for (const std::string& kind : options.kinds) {
    const int64_t weights = stored_bytes(NumberType::bf16, parameter_count(preset(options.preset + "-" + kind)));
    most = std::max(most, weights + options.run.budget);
  }
  return most;
}

std::string machine_text(const BenchMemoryOptions& options) {
  return fmt::format("{}, threads: {}, {}", processor_name(), options.threads, today());
}

std::string method_text(const BenchMemoryOptions& options) {
  return fmt::format(
      "Random weights in bfloat16. Caches are filled by writing random factors into their pages; at each context, and "
      "until the budget is full, {} tokens are decoded, whose median time counts. Resident memory is what the "
      "operating "
      "system counts for the process, weights among it; of that, bytes per token are what came while pages were "
      "filled.",
      options.run.decode_tokens);
}

Json to_json(const MemoryReport& report, const MemoryRow& row) {
  Json speeds = Json::array();
  for (const DecodeSpeed& speed : row.speeds) {
    speeds.push_back({{"context", speed.context}, {"decode_tok_s", 1 / speed.token_s}});
  }
  const MemoryRow* mha = report.baseline(row);
  return {{"kind", row.kind},
          {"kv", row.cache_type},
          {"heads", row.heads},
          {"parameters", row.parameters},
          {"weight_bytes", row.weight_bytes},
          {"tokens", row.tokens},
          {"times_mha", mha ? Json(static_cast<double>(row.tokens) / static_cast<double>(mha->tokens)) : Json()},
          {"resident_bytes", row.resident_bytes},
          {"bytes_per_token", row.measured_bytes()},
          {"pass_bytes", row.pass_bytes},
          {"formula_bytes_per_token", row.formula_bytes},
          {"apart_percent", row.apart_percent()},
          {"decode", speeds}};
}

void print_json(const BenchMemoryOptions& options, const MemoryReport& report) {
  const Json machine = {{"preset", options.preset}, {"budget_bytes", options.run.budget},
                        {"cpu", processor_name()},  {"threads", options.threads},
                        {"date", today()},          {"method", report.method}};
  fmt::print("{}\n", machine.dump());
  for (const MemoryRow& row : report.rows) fmt::print("{}\n", to_json(report, row).dump());
}

void print_row(const MemoryReport& report, const MemoryRow& row) {
  const MemoryRow* mha = report.baseline(row);
  std::string speeds;
  for (const DecodeSpeed& speed : row.speeds) {
    speeds += fmt::format("  {} at {}", format_rate(1 / speed.token_s), format_digits(speed.context));
  }
  fmt::print("{:<11}{:<10}{:>11}{:>9}{:>12}{:>12.1f}{:>10}{:>+8.2f} %{}\n", row.kind, row.cache_type,
             format_digits(row.tokens),
             mha ? fmt::format("{:.2f}", static_cast<double>(row.tokens) / static_cast<double>(mha->tokens)) : "-",
             format_bytes(static_cast<double>(row.resident_bytes)), row.measured_bytes(),
             format_digits(row.formula_bytes), row.apart_percent(), speeds);
}

void print_text(const MemoryReport& report) {
  fmt::print("{}: {} of cache; {}\n{}\n\n", report.preset, format_bytes(static_cast<double>(report.budget)),
             report.machine, report.method);
  fmt::print("{:<11}{:<10}{:>11}{:>9}{:>12}{:>12}{:>10}{:>10}  {}\n", "kind", "cache", "tokens", "x mha's", "resident",
             "bytes/token", "formula", "apart", "tokens/s at a context");
  for (const MemoryRow& row : report.rows) print_row(report, row);
}

MemoryReport measure(const BenchMemoryOptions& options) {
  MemoryReport report = {.preset = options.preset,
                         .machine = machine_text(options),
                         .method = method_text(options),
                         .budget = options.run.budget,
                         .rows = {}};
  Context context(options.threads);
  for (const std::string& kind : options.kinds) {
    const ModelConfig config = preset(options.preset + "-" + kind);
    for (const std::string& cache : options.cache_types) {
      const NumberType type = parse_cache_type(cache);
      ProgressBar progress(kind + ", " + cache, tokens_in_budget(config, type, options.run), "tokens");
      MemoryRow row = measure_memory(context, config, type, options.run, [&](int64_t done) { progress.update(done); });
      progress.hide();
      row.kind = kind;
      row.cache_type = cache;
      report.rows.push_back(std::move(row));
    }
  }
  return report;
}

void run(BenchMemoryOptions options) {
  catch_interrupts();
  options.run.budget = parse_bytes(options.budget);
  const std::vector<std::string> known = kinds_of(options.preset);
  if (options.kinds.empty()) options.kinds = known;
  for (const std::string& kind : options.kinds) {
    require(std::ranges::count(known, kind) == 1, "{} has no preset of the kind \"{}\"; it has {}", options.preset,
            kind, fmt::join(known, ", "));
  }
  if (!options.report.empty()) require_page_path(options.report);
  const std::string shortage = memory_shortage(most_bytes(options));
  require(shortage.empty(), "a budget of {} is too large for this machine: {}",
          format_bytes(static_cast<double>(options.run.budget)), shortage);
  const MemoryReport report = measure(options);
  options.json ? print_json(options, report) : print_text(report);
  if (options.report.empty()) return;
  write_page(options.report, render_memory_page(report));
  if (!options.json) fmt::print("\nreport in {}\n", options.report);
}

}  // namespace

void add_bench_memory(CLI::App& bench) {
  auto options = std::make_shared<BenchMemoryOptions>();
  CLI::App* command = bench.add_subcommand("memory", "How many tokens of each kind of attention a budget holds");
  command->add_option("--preset", options->preset, "Size of the models: small, nano, ...")->capture_default_str();
  command->add_option("--budget", options->budget, "What the cache may take")->capture_default_str()->type_name("SIZE");
  command->add_option("--kinds", options->kinds, "mha, tpa, ...; by default all that there are of the size")
      ->delimiter(',');
  command->add_option("--cache-type", options->cache_types, "Types of cache")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::IsMember(cache_type_names()));
  command->add_option("--tokens", options->run.most_tokens, "Ends at so many tokens, though more would fit")
      ->check(count_from(1));
  command->add_option("--decode-tokens", options->run.decode_tokens, "Tokens to decode at each context")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_threads_flag(*command, options->threads);
  command->add_option("--report", options->report, "Write a page with charts, too")->type_name("FILE");
  command->add_flag("--json", options->json, "Print a JSON object per line: the machine, then each kind and type");
  command->footer(
      "Contexts are 1,000, 10,000 and 100,000 tokens and where the budget ends.\n"
      "Examples:\n"
      "  t6 bench memory --preset small --budget 4GiB --report memory.html\n"
      "  t6 bench memory --kinds tpa --cache-type int8,int4 --tokens 1000000 --budget 8GiB");
  command->callback([=] { run(*options); });
}

}  // namespace t6
