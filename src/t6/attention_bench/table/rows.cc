#include "t6/attention_bench/table/rows.h"

#include <cstdio>

#include "t6/bench/machine.h"
#include "t6/core/error.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

// Of the roofs of arithmetic and of memory the one that is nearer.
struct RoofShare {
  double percent = 0;
  const char* of = "";
};

RoofShare roof_share(const Roof& roof, const BenchRow& row) {
  const double compute = row.flops / row.time.median_s / roof.flops;
  const double memory = row.bytes / row.time.median_s / roof.read_bytes;
  return compute > memory ? RoofShare{100 * compute, "compute"} : RoofShare{100 * memory, "memory"};
}

double ratio(const BenchRow& row) { return row.stock->median_s / row.time.median_s; }
double tokens_per_second(const BenchOptions& options, const BenchRow& row) {
  return static_cast<double>(options.prefill ? row.size.batch * row.size.length : row.size.batch) / row.time.median_s;
}

Json to_json(const BenchOptions& options, const Roof& roof, const BenchRow& row) {
  const RoofShare share = roof_share(roof, row);
  Json json = {{"kind", row.kind},
               {"length", row.size.length},
               {"batch", row.size.batch},
               {"threads", row.size.threads},
               {"dtype", row.dtype},
               {"heads", options.heads},
               {"dim", options.dim},
               {"ms", 1e3 * row.time.median_s},
               {"best_ms", 1e3 * row.time.best_s},
               {"runs", row.time.runs},
               {"gflops", row.flops / row.time.median_s / 1e9},
               {"gbs", row.bytes / row.time.median_s / 1e9},
               {"roof_percent", share.percent},
               {"roof", share.of},
               {"tokens_per_s", tokens_per_second(options, row)},
               {"torch_ms", row.stock ? Json(1e3 * row.stock->median_s) : Json()},
               {"torch_best_ms", row.stock ? Json(1e3 * row.stock->best_s) : Json()},
               {"torch_ratio", row.stock ? Json(ratio(row)) : Json()}};
  if (row.kind == "gqa") json["groups"] = options.groups;
  if (row.kind == "mla") json["mla_latent"] = options.mla_latent, json["mla_rope"] = options.mla_rope;
  if (row.kind == "tpa") json["q_rank"] = options.q_rank, json["kv_rank"] = options.kv_rank;
  if (!row.stock_ratios.empty()) json["torch_ratios"] = row.stock_ratios;
  if (options.prefill) {
    json["temporary_bytes"] = row.temporary_bytes ? Json(*row.temporary_bytes) : Json();
    json["torch_temporary_bytes"] = row.stock_temporary_bytes ? Json(*row.stock_temporary_bytes) : Json();
  }
  return json;
}

std::string milliseconds(double seconds) { return fmt::format("{:.{}f}", 1e3 * seconds, seconds < 0.1 ? 3 : 1); }

std::string memory(std::optional<int64_t> bytes) { return bytes ? format_bytes(static_cast<double>(*bytes)) : "-"; }

void print_flush(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

void print_heading(const BenchOptions& options, int threads, const Roof& roof) {
  if (options.json) {
    const Json json = {{"roof_gflops", roof.flops / 1e9},
                       {"read_gbs", roof.read_bytes / 1e9},
                       {"cpu", processor_name()},
                       {"threads", threads},
                       {"date", today()}};
    return print_flush(json.dump());
  }
  print_flush(fmt::format(
      "{} of one attention layer: {} heads of {}; gqa of {} groups, mla {} + {}, tpa of ranks ({}, {}, {})\n"
      "{}, threads: {}, {}; roof {:.0f} GFLOP/s (float32 product in PyTorch), {:.1f} GB/s (sum in PyTorch)\n",
      options.prefill ? "Prefill" : "One decode step", options.heads, options.dim, options.groups, options.mla_latent,
      options.mla_rope, options.q_rank, options.kv_rank, options.kv_rank, processor_name(), threads, today(),
      roof.flops / 1e9, roof.read_bytes / 1e9));
  std::string line =
      fmt::format("{:<5}{:>8}{:>7}  {:<9}{:>10}{:>10}{:>9}{:>8}{:>7} of {:<8}{:>10}{:>12}{:>7}", "kind", "length",
                  "batch", "numbers", "ms", "best", "GFLOP/s", "GB/s", "%", "roof", "tokens/s", "PyTorch ms", "ratio");
  line += options.prefill ? fmt::format("{:>12}{:>12}", "memory", "PyTorch's") : "  and to PyTorch's other kinds";
  print_flush(line);
}

void print_row(const BenchOptions& options, const Roof& roof, const BenchRow& row) {
  if (options.json) return print_flush(to_json(options, roof, row).dump());
  const RoofShare share = roof_share(roof, row);
  std::string line = fmt::format(
      "{:<5}{:>8}{:>7}  {:<9}{:>10}{:>10}{:>9.1f}{:>8.1f}{:>7.1f} of {:<8}{:>10}{:>12}{:>7}", row.kind, row.size.length,
      row.size.batch, row.dtype, milliseconds(row.time.median_s), milliseconds(row.time.best_s),
      row.flops / row.time.median_s / 1e9, row.bytes / row.time.median_s / 1e9, share.percent, share.of,
      format_count(tokens_per_second(options, row)), row.stock ? milliseconds(row.stock->median_s) : "-",
      row.stock ? fmt::format("{:.2f}", ratio(row)) : "-");
  if (options.prefill)
    line += fmt::format("{:>12}{:>12}", memory(row.temporary_bytes), memory(row.stock_temporary_bytes));
  std::string others;
  for (const auto& [kind, other] : row.stock_ratios) others += fmt::format("  {} {:.2f}", kind, other);
  print_flush(line + others);
}

}  // namespace t6
