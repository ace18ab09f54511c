// What `bench attention` prints: JSON objects or a table, a line per measurement.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "t6/attention_bench/options.h"
#include "t6/attention_bench/table/stock_torch.h"
#include "t6/bench/timing.h"

namespace t6 {

struct BenchSize {
  int threads = 1;
  int64_t length = 0, batch = 1;
};

struct BenchRow {
  std::string kind = {}, dtype = {};
  BenchSize size = {};
  Timing time = {};
  std::optional<Timing> stock = {};  // of the same kind in stock PyTorch
  double flops = 0, bytes = 0;       // that this work takes by the paper's count, and reads
  // Of prefill: bytes beside inputs and output while it runs.
  std::optional<int64_t> temporary_bytes = {}, stock_temporary_bytes = {};
  // Of tpa when decoding: the time of each other kind in stock PyTorch, over this one.
  std::map<std::string, double> stock_ratios = {};
};

// Before the rows of a number of threads.
void print_heading(const BenchOptions& options, int threads, const Roof& roof);
void print_row(const BenchOptions& options, const Roof& roof, const BenchRow& row);

}  // namespace t6
