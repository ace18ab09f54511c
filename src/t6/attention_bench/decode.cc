// Decode steps of every kind in every type of cache, beside stock PyTorch.
#include <map>

#include "t6/attention_bench/runs.h"
#include "t6/attention_bench/table/table.h"

namespace t6 {
namespace {

constexpr double kSecondsARow = 0.2;

// Of one size, by kind; without those that do not fit.
using StockTimes = std::map<std::string, Timing>;

StockTimes measure_stock(const BenchOptions& options, const BenchSize& size, BenchTable& table) {
  StockTimes times;
  for (const std::string& kind : options.kinds) {
    const ModelConfig config = layer_config(options, kind);
    if (!table.begin("PyTorch's " + kind, size, stock_decode_bytes(config, size.batch, size.length))) continue;
    times[kind] = stock_decode(config, size.batch, size.length);
  }
  return times;
}

void measure(const BenchOptions& options, const BenchSize& size, const std::string& kind, const std::string& dtype,
             const StockTimes& stock, BenchTable& table) {
  const ModelConfig config = layer_config(options, kind);
  const BenchPage page(config, parse_cache_type(dtype));
  if (!table.begin(kind + " in " + dtype, size, page.bytes_of(size.batch, size.length))) return;
  BenchCache cache(table.context(), config, page, size.batch, size.length);
  BenchRow row = time_step(table.context(), options, kind, dtype, size, cache, kSecondsARow);
  for (const auto& [other, time] : stock) {
    if (other == kind) {
      row.stock = time;
    } else if (kind == "tpa") {
      row.stock_ratios[other] = time.median_s / row.time.median_s;
    }
  }
  table.print(row);
}

}  // namespace

BenchRow time_step(Context& context, const BenchOptions& options, const std::string& kind, const std::string& dtype,
                   const BenchSize& size, BenchCache& cache, double least_s) {
  const std::vector<Attention> step = cache.step(size.batch, size.length);
  BenchRow row = {.kind = kind, .dtype = dtype, .size = size};
  row.time = time_runs([&] { attention(context, step); }, least_s);
  row.flops = decode_flops(layer_config(options, kind), size.batch, size.length);
  row.bytes = static_cast<double>(size.batch * size.length * cache.page().bytes_per_token);
  return row;
}

void bench_decode(const BenchOptions& options) {
  BenchTable table(options, "decode", std::ssize(options.kinds) * (1 + std::ssize(options.dtypes)));
  table.for_each_size([&](const BenchSize& size) {
    // PyTorch's kinds first: tpa is compared with all of them.
    const StockTimes stock = measure_stock(options, size, table);
    for (const std::string& kind : options.kinds) {
      for (const std::string& dtype : options.dtypes) measure(options, size, kind, dtype, stock, table);
    }
  });
}

}  // namespace t6
