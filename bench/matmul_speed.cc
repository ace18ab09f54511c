// Times matmul for every weight type, at one row (decoding) and at many (prefill), beside the machine's memory roof.
//
//   build/release/bench/matmul_speed --threads 2
#include <hwy/highway.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "t6/bench/machine.h"
#include "t6/bench/timing.h"
#include "t6/cli/flags.h"
#include "t6/cli/program.h"
#include "t6/core/error.h"
#include "t6/core/random.h"
#include "t6/core/threads.h"
#include "t6/formats/json.h"
#include "t6/kernels/matmul.h"

namespace t6 {
namespace {

std::string name_of(NumberType type) {
  return std::string(is_weight_type(type) ? weight_type_name(type) : number_type_name(type));
}

std::map<std::string, NumberType> types_by_name() {
  std::map<std::string, NumberType> types;
  for (const NumberType type : kWeightTypes) types[name_of(type)] = type;
  for (const NumberType type : kSuperBlockTypes) types[name_of(type)] = type;
  return types;
}

struct BenchOptions {
  int threads = processor_count();
  std::string target;  // the instruction set to use; empty: the best
  std::vector<int64_t> rows = {1, 4, 16, 512};
  std::vector<std::string> types;  // empty: all
  bool bfloats = false;
};

struct Size {
  int64_t outputs, inputs;
};
// The matrices of a model of 135 million parameters, and two of larger models.
constexpr Size kSizes[] = {{576, 576}, {1536, 576}, {576, 1536}, {49152, 576}, {8960, 1536}, {4096, 4096}};
// More than any cache holds, so that weights come from memory, as they do when a model decodes.
constexpr int64_t kWorkingSet = int64_t{192} << 20;

WeightMatrix random_matrix(Context& context, NumberType type, Size size, Random& random) {
  std::vector<uint32_t> words(static_cast<size_t>(size.outputs * stored_bytes(type, size.inputs) / 4));
  // Whatever these bits are read as, they are finite and no subnormal numbers, which some processors convert slowly.
  for (uint32_t& word : words) word = (static_cast<uint32_t>(random.below(1u << 30)) & 0x3BFF3BFF) | 0x20002000;
  return {context, type, size.outputs, size.inputs, words.data()};
}

void measure(Context& context, NumberType type, Size size, int64_t T, bool bfloats, double roof) {
  Random random(1);
  std::vector<WeightMatrix> matrices;
  int64_t bytes = 0;
  // Of large products arithmetic is the limit, and one matrix will do.
  do {
    matrices.push_back(random_matrix(context, type, size, random));
    bytes += matrices.back().bytes();
  } while (T < 64 && bytes < kWorkingSet);
  std::vector<float> x(static_cast<size_t>(T * size.inputs)), y(static_cast<size_t>(T * size.outputs));
  for (float& value : x) value = static_cast<float>(random.uniform());
  const auto work = [&] {
    for (const WeightMatrix& w : matrices) {
      matmul(context, {.x = x.data(), .w = &w, .y = y.data(), .T = T, .bfloats = bfloats});
    }
  };
  const double seconds = time_runs(work, 0.3).best_s;  // what the code does when nothing else runs
  const double operations =
      2.0 * static_cast<double>(T * size.outputs * size.inputs) * static_cast<double>(matrices.size());
  const Json row = {{"type", name_of(type)},
                    {"outputs", size.outputs},
                    {"inputs", size.inputs},
                    {"rows", T},
                    {"microseconds", 1e6 * seconds / static_cast<double>(matrices.size())},
                    {"weights_gb_s", static_cast<double>(bytes) / seconds / 1e9},
                    {"of_memory_roof", static_cast<double>(bytes) / seconds / roof},
                    {"gop_s", operations / seconds / 1e9}};
  fmt::print("{}\n", row.dump());
  std::fflush(stdout);
}

// Those that the type's blocks go into.
void measure_sizes(Context& context, NumberType type, int64_t T, bool bfloats, double roof) {
  for (const Size size : kSizes) {
    if (size.inputs % number_type_info(type).block_numbers == 0) measure(context, type, size, T, bfloats, roof);
  }
}

void use_target(const std::string& name) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (name == hwy::TargetName(target)) return hwy::SetSupportedTargetsForTest(target);
  }
  fail("--target: this machine and this program have no instruction set called {}", name);
}

void run(const BenchOptions& options) {
  Context context(options.threads);
  if (!options.target.empty()) use_target(options.target);
  const double roof = memory_read_rate(context.threads());
  const Json header = {{"threads", options.threads}, {"memory_roof_gb_s", roof / 1e9}, {"target", options.target}};
  fmt::print("{}\n", header.dump());
  for (const int64_t T : options.rows) {
    for (const auto& [name, type] : types_by_name()) {
      const bool wanted = std::find(options.types.begin(), options.types.end(), name) != options.types.end();
      if (wanted || options.types.empty()) measure_sizes(context, type, T, options.bfloats, roof);
    }
  }
}

}  // namespace
}  // namespace t6

int main(int argc, char** argv) {
  CLI::App app("Speed of products with weight matrices");
  t6::BenchOptions options;
  t6::add_threads_flag(app, options.threads);
  app.add_option("--target", options.target, "An instruction set as Highway names it, for example AVX2");
  app.add_option("--types", options.types, "Weight types; all if not given")->check(CLI::IsMember(t6::types_by_name()));
  app.add_flag("--bfloats", options.bfloats,
               "Products of bfloat16 numbers, as prompts have them on processors with tiles");
  app.add_option("--rows", options.rows, "Rows of x")->check(CLI::PositiveNumber)->capture_default_str();
  app.callback([&] { t6::run(options); });
  return t6::run_program(app, argc, argv);
}
