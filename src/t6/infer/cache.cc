#include "t6/infer/cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/units.h"
#include "t6/infer/cache/page_memory.h"
#include "t6/kernels/page_writer.h"

namespace t6 {

void CacheMemory::take(int64_t bytes) {
  int64_t used = this->used();
  do {
    require(bytes <= limit_ - used, "the cache's memory is full: {} of {} are used, {} more do not fit",
            format_bytes(static_cast<double>(used)), format_bytes(static_cast<double>(limit_)),
            format_bytes(static_cast<double>(bytes)));
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
}

// Memory of one page and its share of what all may take. Zeros at first: slots that are not used yet are saved too.
struct FactorCache::Page {
  Page(int64_t bytes, std::shared_ptr<CacheMemory> from)
      : size(bytes), memory(std::move(from)), data(allocate_page(bytes)) {
    if (memory) memory->take(size);
  }
  ~Page() {
    if (memory) memory->give(size);
  }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  const int64_t size;
  const std::shared_ptr<CacheMemory> memory;
  const std::shared_ptr<std::byte> data;
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
  groups_.resize(layout_.groups.size());
}

bool FactorCache::fits(const ModelConfig& config) const {
  const PageLayout wanted = page_layout(config, type_);
  if (wanted.layers.size() != layout_.layers.size() || wanted.group_of != layout_.group_of) return false;
  if (limit_ > config.max_position_embeddings && !extrapolates_) return false;
  const auto list = [](const PageLayout& layout) {
    std::vector<int64_t> numbers;
    for (const PageGroup& group : layout.groups) {
      numbers.insert(numbers.end(), {group.window, group.sinks, group.shifted, group.bytes});
    }
    visit_streams(layout.layers.front(), [&](const PagedStream& stream) {
      numbers.insert(numbers.end(), {stream.vectors, stream.width, stream.token_rows});
    });
    return numbers;
  };
  return list(layout_) == list(wanted);
}

int64_t FactorCache::bytes() const {
  int64_t bytes = 0;
  for (size_t i = 0; i < groups_.size(); ++i) bytes += groups_[i].held * layout_.groups[i].bytes;
  return bytes;
}

std::shared_ptr<FactorCache::Page> FactorCache::new_page(size_t group) const {
  return std::make_shared<Page>(layout_.groups[group].bytes, memory_);
}

void FactorCache::push(size_t group, std::shared_ptr<Page> page) {
  Pages& to = groups_[group];
  if (to.table.size() == to.table.capacity()) to.table.reserve(2 * to.table.size() + 1);
  to.held += page ? 1 : 0;
  to.pages.push_back(std::move(page));
  to.table.push_back(to.pages.back() ? to.pages.back()->data.get() : nullptr);
}

// The pages from `count` on go.
void FactorCache::cut(size_t group, int64_t count) {
  Pages& from = groups_[group];
  while (std::ssize(from.pages) > count) {
    from.held -= from.pages.back() ? 1 : 0;
    from.pages.pop_back();
  }
  from.table.resize(from.pages.size());
}

// Up to the last page that so many tokens more need.
int64_t FactorCache::pages_wanted(size_t group, int64_t tokens, int64_t piece) const {
  const PageGroup& shape = layout_.groups[group];
  // At any time a window, what is read, and the rests of pages at their ends.
  const int64_t most = shape.window + shape.sinks + piece + 3 * kPageTokens;
  const bool bounded = shape.window > 0 && piece > 0 && piece < tokens;
  return pages_of(size_ + (bounded ? std::min(tokens, most) : tokens));
}

void FactorCache::reserve(int64_t tokens, int64_t piece) {
  require(tokens <= room(), "the context is full: {} tokens are cached, {} more do not fit into {}", size_, tokens,
          limit_);
  std::vector<int64_t> before;
  for (size_t i = 0; i < groups_.size(); ++i) before.push_back(page_count(i));
  try {
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (size_ % kPageTokens != 0) (void)page(size_ / kPageTokens, i);
      const int64_t wanted = pages_wanted(i, tokens, piece);
      while (page_count(i) < wanted) push(i, new_page(i));
    }
  } catch (...) {
    for (size_t i = 0; i < groups_.size(); ++i) cut(i, before[i]);
    throw;
  }
}

int64_t FactorCache::bytes_to_reserve(int64_t tokens, int64_t piece) const {
  int64_t bytes = 0;
  for (size_t i = 0; i < groups_.size(); ++i) {
    const auto last = static_cast<size_t>(size_ / kPageTokens);
    const bool copies = size_ % kPageTokens != 0 && groups_[i].pages[last].use_count() > 1;
    const int64_t missing = std::max<int64_t>(0, pages_wanted(i, tokens, piece) - page_count(i));
    bytes += (missing + (copies ? 1 : 0)) * layout_.groups[i].bytes;
  }
  return bytes;
}

void FactorCache::adopt(std::shared_ptr<Page> page) {
  require(keeps_pages(), "a cache of layers with a window takes no pages of another");
  require(size_ == page_count() * kPageTokens, "a cache of {} tokens in {} pages cannot go on with a page of another",
          size_, page_count());
  require(kPageTokens <= room(), "the context is full: {} tokens are cached, {} more do not fit into {}", size_,
          kPageTokens, limit_);
  require(page->size == page_bytes(), "a page of {} bytes was adopted, this cache's have {}", page->size, page_bytes());
  push(0, std::move(page));
  size_ += kPageTokens;
}

void FactorCache::fill(int64_t size) {
  clear();
  require(size <= room(), "a cache of {} tokens does not fit into {}", size, limit_);
  try {
    for (size_t i = 0; i < groups_.size(); ++i) {
      const PageGroup& group = layout_.groups[i];
      for (int64_t page = 0; page < pages_of(size); ++page) {
        const bool held = page < group.sink_pages() || page >= group.first_page(size);
        push(i, held ? new_page(i) : nullptr);
      }
    }
  } catch (...) {
    clear();
    throw;
  }
  advance(size);
}

std::byte* FactorCache::page(int64_t index, size_t group) {
  std::shared_ptr<Page>& page = groups_[group].pages[static_cast<size_t>(index)];
  if (page.use_count() > 1) {
    std::shared_ptr<Page> own = new_page(group);
    std::memcpy(own->data.get(), page->data.get(), static_cast<size_t>(page->size));
    page = std::move(own);
    groups_[group].table[static_cast<size_t>(index)] = page->data.get();
  }
  return page->data.get();
}

void FactorCache::write(const Context& context, int64_t layer, int64_t tokens, const NewFactors& keys,
                        const NewFactors& values) {
  const LayerStreams& streams = layout_.layers[static_cast<size_t>(layer)];
  const auto& pages = groups_[group_of(layer)].pages;
  const int64_t first = size_ / kPageTokens, count = pages_of(size_ + tokens) - first;
  context.parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    const auto put = [&](const PagedStream& stream, const float* rows) {
      for (int64_t page = first + begin; stream.width > 0 && page < first + end; ++page) {
        const int64_t from = std::max(size_, page * kPageTokens);
        const int64_t to = std::min(size_ + tokens, (page + 1) * kPageTokens);
        write_tokens(stream, pages[static_cast<size_t>(page)]->data.get(), from % kPageTokens, to - from,
                     rows + (from - size_) * stream.vectors * stream.width);
      }
    };
    for (const auto& [stream, rows] : {std::pair(&streams.k, &keys), std::pair(&streams.v, &values)}) {
      put(stream->a, rows->a);
      put(stream->b, rows->b);
      put(stream->c, rows->c);
    }
  });
}

void FactorCache::advance(int64_t tokens) {
  size_ += tokens;
  give_back_unseen();
}

void FactorCache::give_back_unseen() {
  for (size_t i = 0; i < groups_.size(); ++i) {
    Pages& pages = groups_[i];
    const PageGroup& group = layout_.groups[i];
    const int64_t first = std::min(group.first_page(size_), page_count(i));
    for (pages.first = std::max(pages.first, group.sink_pages()); pages.first < first; ++pages.first) {
      const auto index = static_cast<size_t>(pages.first);
      pages.held -= pages.pages[index] ? 1 : 0;
      pages.pages[index].reset();
      pages.table[index] = nullptr;
    }
  }
}

void FactorCache::truncate(int64_t size) {
  require(size >= 0 && size <= size_, "a cache of {} tokens cannot be cut to {}", size_, size);
  for (size_t i = 0; i < groups_.size(); ++i) {
    const PageGroup& group = layout_.groups[i];
    const bool gone = groups_[i].first > group.sink_pages() && group.first_page(size) < groups_[i].first;
    if (gone) size = 0;
  }
  size_ = size;
  for (size_t i = 0; i < groups_.size(); ++i) {
    cut(i, pages_of(size));
    if (size == 0) groups_[i].first = 0;
  }
}

}  // namespace t6
