// What it costs to hand work to other threads and to wait for them, for work as short as a decoding step's products;
// and how often a model's decoding step does so.
//
//   build/release/bench/thread_speed --threads 2 --model model.gguf
#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "t6/bench/timing.h"
#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "t6/formats/json.h"
#include "t6/infer/forward.h"
#include "t6/infer/load.h"

namespace t6 {
namespace {

// Work that is as long on any thread: a chain of divisions, none of which can begin before the last has ended.
void work(int64_t rounds) {
  double x = 1;
  for (int64_t i = 0; i < rounds; ++i) x = 1 / (x + 1);
  static std::atomic<bool> sink;
  if (x == 0) sink = true;
}

void print_row(double microseconds, const Threads& threads) {
  constexpr int64_t kRounds = 1'000'000, kJobs = 1000;
  const double round_s = time_runs([] { work(kRounds); }).best_s / kRounds;
  const auto rounds = static_cast<int64_t>(microseconds / 1e6 / round_s);
  const auto time_jobs = [&](auto&& job) {
    return time_runs([&] {
             for (int64_t i = 0; i < kJobs; ++i) job();
           }).median_s /
           kJobs;
  };
  const double alone = time_jobs([&] { work(rounds); });
  const double together =
      time_jobs([&] { threads.parallel_for(threads.count(), 1, [&](int64_t, int64_t) { work(rounds); }); });
  const Json row = {{"threads", threads.count()},
                    {"work_us", 1e6 * alone},
                    {"handover_us", 1e6 * (together - alone)},
                    {"percent", 100 * (together - alone) / together}};
  fmt::print("{}\n", row.dump());
}

std::atomic<int64_t> jobs;

// Counts the jobs of a step with threads that are none: each runs its parts in turn.
void print_jobs(const std::string& model, const Threads& threads) {
  Context context(threads);
  const LoadedModel loaded = load_model(context, model);
  ForwardPass pass(context, loaded.model);
  FactorCache cache(loaded.config());
  (void)pass.run(std::vector<int32_t>(16), cache, Logits::last);
  context.set_threads({threads.count(), [](int parts, RangeFunction part) {
                         ++jobs;
                         for (int i = 0; i < parts; ++i) part(i, i + 1);
                       }});
  (void)pass.run(std::vector<int32_t>(1), cache, Logits::last);
  fmt::print("{}\n", Json{{"model", model}, {"jobs_a_token", jobs.load()}}.dump());
}

}  // namespace
}  // namespace t6

int main(int argc, char** argv) {
  CLI::App app("The cost of handing work to threads");
  int count = t6::processor_count();
  std::string model;
  t6::add_threads_flag(app, count);
  app.add_option("--model", model, "Also count how often a decoding step of this model hands work over");
  app.callback([&] {
    const t6::Threads threads(count);
    for (const double microseconds : {2.0, 5.0, 10.0, 50.0}) t6::print_row(microseconds, threads);
    if (!model.empty()) t6::print_jobs(model, threads);
  });
  return t6::run_program(app, argc, argv);
}
