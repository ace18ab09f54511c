#include "t6/attention_bench/table/layer_cache.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "t6/core/random.h"
#include "t6/core/rounding.h"

namespace t6 {
namespace {

// Pages with numbers of their own; the others are copies of them in memory of their own. Enough that the largest logit
// is not met in the first page.
constexpr int64_t kDifferentPages = 16;
constexpr int64_t kPageAlignment = 64;  // bytes of the widest vectors

void fill_random(std::vector<float>& numbers, Random& random) {
  for (float& number : numbers) number = static_cast<float>(2 * random.uniform() - 1);
}

void fill_page(const PagedStream& stream, std::byte* page, Random& random) {
  std::vector<float> factors(static_cast<size_t>(stream.vectors * stream.width));
  for (int64_t slot = 0; slot < kPageTokens && !factors.empty(); ++slot) {
    fill_random(factors, random);
    write_token(stream, page, slot, factors.data());
  }
}

}  // namespace

BenchPage::BenchPage(const ModelConfig& config, NumberType type) {
  ModelConfig layer = config;
  layer.num_hidden_layers = 1;
  const PageLayout layout = page_layout(layer, type);
  streams = layout.layers.front();
  bytes = round_up(layout.bytes, kPageAlignment);
  bytes_per_token = cache_bytes_per_token(layout);
}

int64_t BenchPage::bytes_of(int64_t sequences, int64_t length) const { return sequences * pages_of(length) * bytes; }

BenchCache::BenchCache(Context& context, const ModelConfig& config, const BenchPage& page, int64_t sequences,
                       int64_t length)
    : shape_(attention_shape(config)),
      logit_scale_(logit_scale(config, shape_)),
      page_(page),
      memory_(static_cast<std::byte*>(
                  std::aligned_alloc(kPageAlignment, static_cast<size_t>(page.bytes_of(sequences, length)))),
              &std::free) {
  if (!memory_) throw std::bad_alloc();
  Random random(1);
  const int64_t count = sequences * pages_of(length);
  for (int64_t i = 0; i < count; ++i) table_.push_back(memory_.get() + i * page_.bytes);
  const auto writable = [&](int64_t i) { return memory_.get() + i * page_.bytes; };
  for (int64_t i = 0; i < std::min(count, kDifferentPages); ++i) {
    visit_streams(page_.streams, [&](const PagedStream& stream) { fill_page(stream, writable(i), random); });
  }
  context.parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = std::max(begin, kDifferentPages); i < end; ++i) {
      std::memcpy(writable(i), writable(i % kDifferentPages), static_cast<size_t>(page_.bytes));
    }
  });
}

std::vector<Attention> BenchCache::step(int64_t sequences, int64_t length) {
  const FactorShape& q = shape_.q;
  const int64_t a_numbers = q.head_numbers(), numbers = a_numbers + q.feature_numbers();
  const int64_t outputs = q.heads * shape_.v.features;
  Random random(2);
  queries_.resize(static_cast<size_t>(sequences * numbers));
  fill_random(queries_, random);
  out_.resize(static_cast<size_t>(sequences * outputs));
  Attention x;
  x.q.rank = q.rank;
  x.q.features = q.features;
  x.T = 1;
  x.start = length - 1;
  x.heads = q.heads;
  x.logit_scale = static_cast<float>(logit_scale_);
  x.value_scale = static_cast<float>(shape_.v.scale());
  std::vector<Attention> batch(static_cast<size_t>(sequences), x);
  for (int64_t i = 0; i < sequences; ++i) {
    Attention& one = batch[static_cast<size_t>(i)];
    const float* query = queries_.data() + i * numbers;
    if (a_numbers > 0) one.q.a = query;
    one.q.b = query + a_numbers;
    const CachedViews cached = cached_views(shape_, page_.streams, table_.data() + i * pages_of(length));
    one.k = cached.k;
    one.v = cached.v;
    one.out = out_.data() + i * outputs;
  }
  return batch;
}

}  // namespace t6
