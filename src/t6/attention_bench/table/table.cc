#include "t6/attention_bench/table/table.h"

#include <cstdio>

#include "t6/bench/machine.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"

namespace t6 {

BenchTable::BenchTable(const BenchOptions& options, const std::string& name, int64_t steps)
    : options_(options),
      progress_(name, steps * std::ssize(options.threads) * std::ssize(options.lengths) * std::ssize(options.batches),
                "") {}

void BenchTable::for_each_size(const std::function<void(const BenchSize&)>& measure) {
  for (const int threads : options_.threads) {
    context_.set_threads(Threads(threads));
    set_torch_threads(threads);
    roof_ = measure_roof();
    progress_.hide();
    print_heading(options_, threads, roof_);
    for (const int64_t length : options_.lengths) {
      for (const int64_t batch : options_.batches) measure({threads, length, batch});
    }
  }
  progress_.hide();
}

bool BenchTable::begin(const std::string& what, const BenchSize& size, int64_t bytes) {
  const std::string name = fmt::format("{}, {} x {} tokens", what, size.batch, size.length);
  progress_.update(done_++, name);
  const std::string shortage = memory_shortage(bytes);
  if (shortage.empty()) return true;
  progress_.hide();
  fmt::print(stderr, "t6: skipped {}: {}\n", name, shortage);
  return false;
}

void BenchTable::print(const BenchRow& row) {
  progress_.hide();
  print_row(options_, roof_, row);
}

}  // namespace t6
