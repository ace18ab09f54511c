// Times training steps of presets beside the machine's roof: tokens per second and peak memory.
//
//   build/release/bench/train_step --preset small-tpa --batch 1 --context 512
//
// The peer is the same model in eager PyTorch: bench/compare_training.sh runs both in turn.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <ctime>
#include <vector>

#include "t6/bench/machine.h"
#include "t6/bench/timing.h"
#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/core/error.h"
#include "t6/core/stopwatch.h"
#include "t6/formats/json.h"
#include "t6/model/costs.h"
#include "t6/model/presets.h"
#include "t6/nn/execution.h"
#include "t6/nn/weights.h"
#include "t6/train/device.h"
#include "t6/train/memory.h"
#include "t6/train/optimizer.h"

namespace t6 {
namespace {

// The rate of a 2048^3 float32 product, GFLOP/s; on a GPU of an 8192^3 one, of the type of products.
double roof_gflops(torch::Device device, Precision precision) {
  const torch::NoGradGuard no_gradients;
  const int64_t size = device.is_cpu() ? 2048 : 8192;
  const bool narrow = !device.is_cpu() && precision == Precision::bfloat16;
  const auto options = torch::dtype(narrow ? torch::kBFloat16 : torch::kFloat).device(device);
  const torch::Tensor x = torch::randn({size, size}, options), y = torch::randn({size, size}, options);
  const auto multiply = [&] {
    (void)x.matmul(y);
    wait_for(device);
  };
  return 2 * std::pow(static_cast<double>(size), 3) / time_runs(multiply).median_s / 1e9;
}

struct BenchOptions {
  std::string preset = "small-tpa", attention = "fused", dtype = "float32", recompute = "none", device = "cpu";
  int64_t batch = 1, context = 512;
  int steps = 6, threads = 2;
};

void run(const BenchOptions& options) {
  torch::set_num_threads(options.threads);
  share_large_blocks();
  const ModelConfig config = preset(options.preset);
  const Execution execution(parse_attention_path(options.attention, "--attention"),
                            parse_precision(options.dtype, "--dtype"),
                            parse_recompute(options.recompute, "--recompute"));
  const torch::Device device = open_device(options.device, "--device");
  Transformer model(config, execution);
  initialize(model, 0);
  model->to(device);
  AdamWOptions adamw;
  AdamW optimizer(model->named_parameters(), adamw);
  torch::manual_seed(0);
  const torch::Tensor tokens = torch::randint(0, config.vocab_size, {options.batch, options.context + 1}, torch::kLong);
  const torch::Tensor inputs = tokens.narrow(1, 0, options.context).contiguous().to(device);
  const torch::Tensor targets = tokens.narrow(1, 1, options.context).contiguous().to(device);

  std::vector<double> forward, backward, update, step, processor;
  for (int i = 0; i < options.steps; ++i) {
    const Stopwatch time;
    const std::clock_t begin = std::clock();
    const torch::Tensor loss = model->loss(inputs, targets);
    wait_for(device);  // for the parts' times; a run does not wait
    forward.push_back(time.seconds());
    loss.backward();
    wait_for(device);
    backward.push_back(time.seconds() - forward.back());
    optimizer.clip_without_waiting(1.0);
    optimizer.step();
    optimizer.zero_grad();
    wait_for(device);
    step.push_back(time.seconds());
    processor.push_back(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    update.push_back(step.back() - forward.back() - backward.back());
  }
  const double peak = static_cast<double>(peak_memory()) / (1 << 20);
  const double device_peak = static_cast<double>(peak_device_bytes(device)) / (1 << 20);
  const auto tokens_per_step = static_cast<double>(options.batch * options.context);
  // Forward and backward: three times the forward pass, attention over half the context on average.
  const double flops = 3 * tokens_per_step * forward_flops(config, options.context / 2);
  const double seconds = median({step.begin() + 1, step.end()});
  const double roof = roof_gflops(device, execution.precision);
  Json row = {{"engine", "t6"},
              {"preset", options.preset},
              {"attention", options.attention},
              {"dtype", options.dtype},
              {"recompute", options.recompute},
              {"device", device.str()},
              {"parameters", parameter_count(config)},
              {"batch", options.batch},
              {"context", options.context},
              {"threads", options.threads},
              {"tokens_per_s", tokens_per_step / seconds},
              {"forward_ms", 1e3 * median(forward)},
              {"backward_ms", 1e3 * median(backward)},
              {"update_ms", 1e3 * median(update)},
              {"processor_ms", 1e3 * median({processor.begin() + 1, processor.end()})},  // of all threads
              {"gflops", flops / seconds / 1e9},
              {"roof_gflops", roof},
              {"roof_percent", flops / seconds / 1e7 / roof},
              {"peak_rss_mib", peak}};
  if (!device.is_cpu()) row["peak_device_mib"] = device_peak;
  fmt::print("{}\n", row.dump());
}

}  // namespace
}  // namespace t6

int main(int argc, char** argv) {
  CLI::App app("Training speed and memory of a preset on this machine");
  t6::BenchOptions options;
  app.add_option("--preset", options.preset)->capture_default_str();
  app.add_option("--attention", options.attention, "fused or sdpa")->capture_default_str();
  app.add_option("--dtype", options.dtype, "float32 or bfloat16, of products")->capture_default_str();
  app.add_option("--recompute", options.recompute, "none, attention or layer")->capture_default_str();
  app.add_option("--device", options.device, "cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--batch", options.batch)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--context", options.context)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--steps", options.steps, "Steps, the first not counted")
      ->capture_default_str()
      ->check(CLI::Range(2, 1000));
  t6::add_threads_flag(app, options.threads);
  app.callback([&] { t6::run(options); });
  return t6::run_program(app, argc, argv);
}
