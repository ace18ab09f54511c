#include "t6/attention_bench/table/layer_cache.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "t6/core/parallel.h"
#include "t6/core/random.h"
#include "t6/core/rounding.h"
#include "t6/model/cache_layout.h"

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

FactorView paged_view(const FactorShape& shape, const PagedStream& a, const PagedStream& b) {
  FactorView view;
  view.rank = shape.rank;
  view.features = shape.features;
  view.paged_a = a;
  view.paged_b = b;
  return view;
}

}  // namespace

BenchPage::BenchPage(const AttentionShape& shape, NumberType type) {
  LayerStreams layer = layer_streams(shape, type);
  bytes = round_up(place_streams(layer, 0), kPageAlignment);
  bytes_per_token = divide_up(layer_bytes(layer), kPageTokens);
  k_a = layer.k.a;
  k_b = layer.k.b;
  v_a = layer.v.a;
  v_b = shape.values == ValueSource::latent ? k_b : layer.v.b;
}

int64_t BenchPage::bytes_of(int64_t sequences, int64_t length) const { return sequences * pages_of(length) * bytes; }

BenchCache::BenchCache(const ModelConfig& config, const BenchPage& page, int64_t sequences, int64_t length)
    : shape_(attention_shape(config)),
      scale_(attention_scale(config)),
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
    for (const PagedStream* stream : {&page_.k_a, &page_.k_b, &page_.v_a, &page_.v_b}) {
      fill_page(*stream, writable(i), random);
    }
  }
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
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
  x.k = paged_view(shape_.k, page_.k_a, page_.k_b);
  x.v = paged_view(shape_.v, page_.v_a, page_.v_b);
  x.T = 1;
  x.start = length - 1;
  x.heads = q.heads;
  x.logit_scale = static_cast<float>(scale_ * q.scale() * shape_.k.scale());
  x.value_scale = static_cast<float>(shape_.v.scale());
  std::vector<Attention> batch(static_cast<size_t>(sequences), x);
  for (int64_t i = 0; i < sequences; ++i) {
    Attention& one = batch[static_cast<size_t>(i)];
    const float* query = queries_.data() + i * numbers;
    if (a_numbers > 0) one.q.a = query;
    one.q.b = query + a_numbers;
    one.k.pages = one.v.pages = table_.data() + i * pages_of(length);
    one.out = out_.data() + i * outputs;
  }
  return batch;
}

}  // namespace t6
