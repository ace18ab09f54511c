#include "t6/infer/cache.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/units.h"

namespace t6 {

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
      limit_(options.limit ? options.limit : config.max_position_embeddings),
      extrapolates_(options.extrapolates) {
  require(limit_ >= 1 && (extrapolates_ || limit_ <= config.max_position_embeddings),
          "a cache for {} tokens was asked for; this model has positions for 1 to {}", limit_,
          config.max_position_embeddings);
  layout_ = page_layout(config, type_);
}

bool FactorCache::fits(const ModelConfig& config) const {
  const PageLayout wanted = page_layout(config, type_);
  if (wanted.layers.size() != layout_.layers.size() || wanted.bytes != layout_.bytes) return false;
  if (limit_ > config.max_position_embeddings && !extrapolates_) return false;
  std::vector<int64_t> shapes, wanted_shapes;
  const auto list = [](const LayerStreams& layer, std::vector<int64_t>& to) {
    visit_streams(layer, [&](const PagedStream& stream) {
      to.insert(to.end(), {stream.vectors, stream.width, stream.token_rows});
    });
  };
  list(layout_.layers.front(), shapes);
  list(wanted.layers.front(), wanted_shapes);
  return shapes == wanted_shapes;
}

std::shared_ptr<FactorCache::Page> FactorCache::new_page() const {
  return std::make_shared<Page>(layout_.bytes, memory_);
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
  return (std::max<int64_t>(0, pages_of(size_ + tokens) - page_count()) + (copies ? 1 : 0)) * page_bytes();
}

void FactorCache::adopt(std::shared_ptr<Page> page) {
  require(size_ == page_count() * kPageTokens, "a cache of {} tokens in {} pages cannot go on with a page of another",
          size_, page_count());
  require(kPageTokens <= room(), "the context is full: {} tokens are cached, {} more do not fit into {}", size_,
          kPageTokens, limit_);
  require(page->size == page_bytes(), "a page of {} bytes was adopted, this cache's have {}", page->size, page_bytes());
  table_.reserve(table_.size() + 1);
  pages_.push_back(std::move(page));
  table_.push_back(pages_.back()->data);
  size_ += kPageTokens;
}

std::byte* FactorCache::page(int64_t index) {
  std::shared_ptr<Page>& page = pages_[static_cast<size_t>(index)];
  if (page.use_count() > 1) {
    std::shared_ptr<Page> own = new_page();
    std::memcpy(own->data, page->data, static_cast<size_t>(layout_.bytes));
    page = std::move(own);
    table_[static_cast<size_t>(index)] = page->data;
  }
  return page->data;
}

void FactorCache::write(int64_t layer, int64_t tokens, const NewFactors& keys, const NewFactors& values) {
  const LayerStreams& streams = layout_.layers[static_cast<size_t>(layer)];
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
