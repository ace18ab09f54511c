// The course of `bench attention`: every size in turn, progress while it runs, a row per measurement.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "t6/attention_bench/options.h"
#include "t6/attention_bench/table/rows.h"
#include "t6/cli/progress_bar.h"
#include "t6/kernels/context.h"

namespace t6 {

class BenchTable {
 public:
  // `steps` calls of begin() for each size. The options must outlive this.
  BenchTable(const BenchOptions& options, const std::string& name, int64_t steps);

  // Sets the threads of both engines, measures the roof and prints a heading for each number of threads.
  void for_each_size(const std::function<void(const BenchSize&)>& measure);
  // The next step: shown while it runs. False: it needs more than the system can spare, which standard error is told.
  bool begin(const std::string& what, const BenchSize& size, int64_t bytes);
  void print(const BenchRow& row);
  Context& context() { return context_; }  // of the size that is measured

 private:
  const BenchOptions& options_;
  ProgressBar progress_;
  int64_t done_ = 0;
  Roof roof_;
  Context context_;
};

}  // namespace t6
