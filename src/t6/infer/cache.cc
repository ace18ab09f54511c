#include "t6/infer/cache.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/units.h"
#include "t6/model/factors.h"

namespace t6 {
namespace {

// `raw`: b is finished when it is used, or read as values too.
CachedFactors cached_factors(const FactorShape& shape, CacheType type, bool features, bool raw) {
  const auto stream = [&](int64_t width, bool token_rows) {
    return PagedStream{.type = type, .token_rows = token_rows, .vectors = shape.rank, .width = width};
  };
  CachedFactors factors;
  if (shape.head == HeadFactor::contextual) factors.a = stream(shape.heads, false);
  if (features && shape.contextual_features) {
    factors.b = stream(shape.base_features(), raw || shape.third > 1);
    if (shape.third > 1) factors.c = stream(shape.third, true);
  }
  return factors;
}

template <typename Layer, typename Visitor>
void visit_streams(Layer& layer, Visitor&& visit) {
  for (auto* factors : {&layer.k, &layer.v}) {
    for (auto* stream : {&factors->a, &factors->b, &factors->c}) visit(*stream);
  }
}

// Layers follow each other in a page.
std::vector<LayerStreams> page_layout(const ModelConfig& config, CacheType type, int64_t& page_bytes) {
  const AttentionShape shape = attention_shape(config);
  const bool own = shape.values == ValueSource::own;
  const LayerStreams layer = {cached_factors(shape.k, type, true, !own), cached_factors(shape.v, type, own, true)};
  std::vector<LayerStreams> layers(static_cast<size_t>(config.num_hidden_layers), layer);
  page_bytes = 0;
  for (LayerStreams& placed : layers) {
    visit_streams(placed, [&](PagedStream& stream) {
      if (stream.width > 0) page_bytes = stream.place(page_bytes);
    });
  }
  return layers;
}

}  // namespace

void CacheMemory::take(int64_t bytes) {
  int64_t used = this->used();
  do {
    require(bytes <= limit_ - used, "the cache's memory is full: {} of {} are used, {} more do not fit",
            format_bytes(static_cast<double>(used)), format_bytes(static_cast<double>(limit_)),
            format_bytes(static_cast<double>(bytes)));
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
}

// Memory of one page, and its share of what all may take.
struct FactorCache::Page {
  Page(int64_t bytes, std::shared_ptr<CacheMemory> from) : memory(std::move(from)), size(bytes) {
    if (memory) memory->take(size);
    data = static_cast<std::byte*>(::operator new(static_cast<size_t>(size), kAlignment, std::nothrow));
    if (!data && memory) memory->give(size);
    require(data, "no memory for a cache page of {}", format_bytes(static_cast<double>(size)));
    std::memset(data, 0, static_cast<size_t>(size));  // slots that are not used yet are saved too
  }
  ~Page() {
    ::operator delete(data, kAlignment);
    if (memory) memory->give(size);
  }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  static constexpr std::align_val_t kAlignment{64};
  std::shared_ptr<CacheMemory> memory;
  int64_t size;
  std::byte* data = nullptr;
};

FactorCache::FactorCache(const ModelConfig& config, const CacheOptions& options)
    : type_(options.type),
      memory_(options.memory),
      limit_(options.limit ? options.limit : config.max_position_embeddings) {
  require(limit_ >= 1 && limit_ <= config.max_position_embeddings,
          "a cache for {} tokens was asked for; this model has positions for 1 to {}", limit_,
          config.max_position_embeddings);
  layers_ = page_layout(config, type_, page_bytes_);
}

bool FactorCache::fits(const ModelConfig& config) const {
  int64_t bytes = 0;
  const std::vector<LayerStreams> wanted = page_layout(config, type_, bytes);
  if (wanted.size() != layers_.size() || bytes != page_bytes_ || limit_ > config.max_position_embeddings) return false;
  std::vector<int64_t> shapes, wanted_shapes;
  const auto list = [](const LayerStreams& layer, std::vector<int64_t>& to) {
    visit_streams(layer, [&](const PagedStream& stream) {
      to.insert(to.end(), {stream.vectors, stream.width, stream.token_rows});
    });
  };
  list(layers_.front(), shapes);
  list(wanted.front(), wanted_shapes);
  return shapes == wanted_shapes;
}

int64_t FactorCache::numbers_per_token() const {
  int64_t numbers = 0;
  visit_streams(layers_.front(), [&](const PagedStream& stream) { numbers += stream.vectors * stream.width; });
  return numbers;
}

int64_t FactorCache::bytes_per_token() const {
  int64_t bytes = 0;
  visit_streams(layers_.front(), [&](const PagedStream& stream) { bytes += stream.bytes() + stream.scale_bytes(); });
  return layer_count() * bytes / kPageTokens;
}

std::shared_ptr<FactorCache::Page> FactorCache::new_page() const {
  return std::make_shared<Page>(page_bytes_, memory_);
}

void FactorCache::reserve(int64_t tokens) {
  require(tokens <= room(), "the context is full: {} tokens are cached, {} more do not fit into {}", size_, tokens,
          limit_);
  const auto wanted = static_cast<size_t>(pages_of(size_ + tokens));
  const size_t before = pages_.size();
  try {
    if (size_ % kPageTokens != 0) (void)page(size_ / kPageTokens);
    while (pages_.size() < wanted) {
      pages_.push_back(new_page());
      table_.push_back(pages_.back()->data);
    }
  } catch (...) {
    pages_.resize(before);
    table_.resize(before);
    throw;
  }
}

int64_t FactorCache::bytes_to_reserve(int64_t tokens) const {
  const auto last = static_cast<size_t>(size_ / kPageTokens);
  const bool copies = size_ % kPageTokens != 0 && pages_[last].use_count() > 1;
  return (std::max<int64_t>(0, pages_of(size_ + tokens) - page_count()) + (copies ? 1 : 0)) * page_bytes_;
}

void FactorCache::adopt(std::shared_ptr<Page> page) {
  require(size_ == page_count() * kPageTokens, "a cache of {} tokens in {} pages cannot go on with a page of another",
          size_, page_count());
  require(kPageTokens <= room(), "the context is full: {} tokens are cached, {} more do not fit into {}", size_,
          kPageTokens, limit_);
  require(page->size == page_bytes_, "a page of {} bytes was adopted, this cache's have {}", page->size, page_bytes_);
  table_.reserve(table_.size() + 1);
  pages_.push_back(std::move(page));
  table_.push_back(pages_.back()->data);
  size_ += kPageTokens;
}

std::byte* FactorCache::page(int64_t index) {
  std::shared_ptr<Page>& page = pages_[static_cast<size_t>(index)];
  if (page.use_count() > 1) {
    std::shared_ptr<Page> own = new_page();
    std::memcpy(own->data, page->data, static_cast<size_t>(page_bytes_));
    page = std::move(own);
    table_[static_cast<size_t>(index)] = page->data;
  }
  return page->data;
}

void FactorCache::write(int64_t layer, int64_t tokens, const NewFactors& keys, const NewFactors& values) {
  const LayerStreams& streams = layers_[static_cast<size_t>(layer)];
  const auto put = [&](const PagedStream& stream, const float* rows) {
    for (int64_t t = 0; stream.width > 0 && t < tokens; ++t) {
      const int64_t at = size_ + t;
      write_token(stream, pages_[static_cast<size_t>(at / kPageTokens)]->data, at % kPageTokens,
                  rows + t * stream.vectors * stream.width);
    }
  };
  for (const auto& [to, from] : {std::pair(&streams.k, &keys), std::pair(&streams.v, &values)}) {
    put(to->a, from->a);
    put(to->b, from->b);
    put(to->c, from->c);
  }
}

void FactorCache::truncate(int64_t size) {
  require(size >= 0 && size <= size_, "a cache of {} tokens cannot be cut to {}", size_, size);
  size_ = size;
  const auto pages = static_cast<size_t>(pages_of(size));
  pages_.resize(std::min(pages_.size(), pages));
  table_.resize(pages_.size());
}

}  // namespace t6
