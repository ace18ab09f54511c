// The measurements of `t6-train bench attention`, one function each; all print as they go.
#pragma once

#include <string>

#include "t6/attention_bench/options.h"
#include "t6/attention_bench/table/layer_cache.h"
#include "t6/attention_bench/table/rows.h"

namespace t6 {

// One decode step, timed until all runs take `least_s` seconds.
BenchRow time_step(Context& context, const BenchOptions& options, const std::string& kind, const std::string& dtype,
                   const BenchSize& size, BenchCache& cache, double least_s);

// Rows of one decode step for each number of threads, length, batch, kind and type of cache.
void bench_decode(const BenchOptions& options);
// Rows of causal attention over `length` tokens from their factors.
void bench_prefill(const BenchOptions& options);
// What is wrong with the flags for a picture; empty when nothing is.
std::string plot_problem(const BenchOptions& options);
// The paper's figures 5, 7 and 8 for this machine, as a picture in options.plot.
void bench_plot(const BenchOptions& options);

}  // namespace t6
