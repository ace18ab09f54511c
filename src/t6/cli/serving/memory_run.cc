#include "t6/cli/serving/memory_run.h"

#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "t6/bench/machine.h"
#include "t6/bench/timing.h"
#include "t6/cli/interrupt.h"
#include "t6/core/error.h"
#include "t6/core/random.h"
#include "t6/core/rounding.h"
#include "t6/core/stopwatch.h"
#include "t6/core/units.h"
#include "t6/infer/forward.h"
#include "t6/model/costs.h"
#include "t6/model/parameters.h"
#include "t6/numbers/half.h"

namespace t6 {
namespace {

constexpr int64_t kMemoryContexts[] = {1'000, 10'000, 100'000};
constexpr int64_t kRandomPages = 4;  // that the pages of a cache are copies of, in turn

// In [-1, 1).
std::vector<float> random_floats(int64_t count, uint64_t seed) {
  std::vector<float> numbers(static_cast<size_t>(count));
  Random random(seed);
  for (float& x : numbers) x = static_cast<float>(2 * random.uniform() - 1);
  return numbers;
}

// Matrices of bfloat16 that all begin in the same random numbers, and vectors of ones: what they hold does not matter.
std::shared_ptr<const Model> random_model(Context& context, const ModelConfig& config) {
  int64_t most = 0;
  for (const Parameter& parameter : parameters(config)) most = std::max(most, element_count(parameter.shape));
  const std::vector<float> ones(static_cast<size_t>(most), 1.0f), period = random_floats(1 << 16, 1);
  std::vector<uint16_t> matrix(static_cast<size_t>(most));
  for (size_t i = 0; i < matrix.size(); ++i) {
    matrix[i] = bfloat16_from_float(0.03f * period[i % (period.size() - 1)]);
  }
  TensorViews tensors;
  for (const Parameter& parameter : parameters(config)) {
    const auto count = static_cast<size_t>(element_count(parameter.shape));
    tensors[parameter.name] =
        parameter.shape.size() == 2
            ? TensorView{NumberType::bf16, parameter.shape, std::as_bytes(std::span(matrix).first(count))}
            : TensorView{NumberType::f32, parameter.shape, std::as_bytes(std::span(ones).first(count))};
  }
  return std::make_shared<const Model>(context, config, Weights(config, std::move(tensors), "random weights"));
}

class MemoryRun {
 public:
  MemoryRun(Context& context, std::shared_ptr<const Model> model, NumberType type, const MemoryRunOptions& options,
            const std::function<void(int64_t)>& progress)
      : options_(options),
        progress_(progress),
        pass_(context, std::move(model)),
        end_(tokens_in_budget(config(), type, options)),
        memory_(std::make_shared<CacheMemory>(options.budget)),
        random_(config(), {.limit = kRandomPages * kPageTokens, .type = type, .extrapolates = true}),
        cache_(config(), {.limit = end_, .type = type, .memory = memory_, .extrapolates = true}) {
    require(cache_.keeps_pages(), "the memory of layers with windows does not grow with their tokens");
    require(end_ > options.decode_tokens, "{} hold {} tokens, too few to decode {} more",
            format_bytes(static_cast<double>(options.budget)), end_, options.decode_tokens);
    write_random_pages(context);
  }

  MemoryRow run() {
    decode();  // so that what a step works in is there before anything is counted
    cache_.clear();
    malloc_trim(0);
    const int64_t before = resident_memory();
    MemoryRow row;
    for (const int64_t context : kMemoryContexts) {
      if (context >= end_ - options_.decode_tokens) break;
      grow(context);
      row.speeds.push_back(decode());
    }
    grow(end_ - options_.decode_tokens);
    row.speeds.push_back(decode());
    require(cache_.size() == end_, "the cache holds {} tokens where {} were computed", cache_.size(), end_);
    row.tokens = cache_.size();
    row.paged_tokens = filled_pages_ * kPageTokens;
    row.resident_bytes = resident_memory();
    row.grown_bytes = filled_bytes_;
    row.pass_bytes = row.resident_bytes - before - filled_bytes_;
    row.weight_bytes = pass_.model().weight_bytes();
    return row;
  }

 private:
  const ModelConfig& config() const { return pass_.model().config(); }

  void write_random_pages(const Context& context) {
    const int64_t tokens = kRandomPages * kPageTokens;
    const std::vector<float> numbers = random_floats(tokens * random_.numbers_per_token(), 2);
    const NewFactors all = {numbers.data(), numbers.data(), numbers.data()};
    random_.reserve(tokens);
    for (int64_t layer = 0; layer < random_.layer_count(); ++layer) random_.write(context, layer, tokens, all, all);
    random_.advance(tokens);
  }

  // Up to `size` tokens. What was decoded in a page that is not full is written over.
  void grow(int64_t size) {
    malloc_trim(0);  // the pass has freed smaller tables, whose memory pages would take without its being counted
    const int64_t before = resident_memory(), pages = cache_.page_count();
    while (cache_.size() < size) {
      require(!interrupt_token().cancelled(), "interrupted");
      const int64_t page = cache_.size() / kPageTokens;
      const int64_t count = std::min((page + 1) * kPageTokens, size) - cache_.size();
      cache_.reserve(count);
      std::memcpy(cache_.page(page), random_.page_data(0, page % kRandomPages),
                  static_cast<size_t>(cache_.page_bytes()));
      cache_.advance(count);
      progress_(cache_.size());
    }
    filled_bytes_ += resident_memory() - before;
    filled_pages_ += cache_.page_count() - pages;
  }

  DecodeSpeed decode() {
    DecodeSpeed speed{.context = cache_.size()};
    std::vector<double> times;
    for (int64_t i = 0; i < options_.decode_tokens; ++i) {
      require(!interrupt_token().cancelled(), "interrupted");
      const auto token = static_cast<int32_t>(i % config().vocab_size);
      const Stopwatch time;
      (void)pass_.run(std::span(&token, 1), cache_, Logits::last);
      times.push_back(time.seconds());
      progress_(cache_.size());
    }
    speed.token_s = median(times);
    return speed;
  }

  MemoryRunOptions options_;
  const std::function<void(int64_t)>& progress_;
  ForwardPass pass_;
  int64_t end_;
  std::shared_ptr<CacheMemory> memory_;
  FactorCache random_, cache_;
  int64_t filled_bytes_ = 0, filled_pages_ = 0;  // by grow()
};

}  // namespace

int64_t tokens_in_budget(const ModelConfig& config, NumberType type, const MemoryRunOptions& options) {
  const int64_t pages = options.budget / std::max<int64_t>(1, page_layout(config, type).bytes);
  const int64_t tokens = pages * kPageTokens;
  return options.most_tokens > 0 ? std::min(tokens, options.most_tokens) : tokens;
}

MemoryRow measure_memory(Context& context, const ModelConfig& config, NumberType type, const MemoryRunOptions& options,
                         const std::function<void(int64_t)>& progress) {
  MemoryRow row = MemoryRun(context, random_model(context, config), type, options, progress).run();
  row.heads = config.num_attention_heads;
  row.parameters = parameter_count(config);
  row.formula_bytes = cache_bytes(config, type);
  return row;
}

}  // namespace t6
