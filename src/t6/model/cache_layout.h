// Where the cached factors of each layer lie in a page of the cache: the layout that serving writes and benchmarks
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "t6/kernels/attention.h"
#include "t6/model/factors.h"
#include "t6/numbers/cache_page.h"

namespace t6 {

// Of keys or values: head factors, and second-order b or third-order b' and c. A width of 0: not cached.
struct CachedFactors {
  PagedStream a, b, c;
};

// Of a layer. Keys are rotated, but for shared B, where b is raw and belongs to the values too, and MLA, where k.b is
// the latent and its rotated part.
struct LayerStreams {
  CachedFactors k, v;

  int64_t numbers_per_token() const;
  int64_t page_bytes() const;  // of 64 tokens, scales among them, without what aligns the streams
};

// Layers that see as far as each other, and so need their pages equally long. A page of the group holds 64 tokens of
// these layers, which follow each other.
struct PageGroup {
  int64_t window = 0, sinks = 0;  // as in LayerAttention
  bool shifted = false;           // a token's keys are mixed with those of the one before it
  int64_t bytes = 0;              // of a page

  // A cache of `tokens` tokens holds the first sink_pages() pages and those from first_page() on: no token that
  // follows sees one of the others.
  int64_t sink_pages() const;
  int64_t first_page(int64_t tokens) const;
  int64_t held_pages(int64_t tokens) const;
  // What held_pages() is at most, up to so many tokens.
  int64_t most_pages(int64_t tokens) const;
};

struct PageLayout {
  std::vector<LayerStreams> layers;
  std::vector<size_t> group_of;   // of each layer
  std::vector<PageGroup> groups;  // one, where all layers are alike
  int64_t bytes = 0;              // of a page of each group
};

// Bytes per token of all layers, rounded up, while no page is given back.
int64_t cache_bytes_per_token(const PageLayout& layout);
// Bytes of the pages that a cache of `tokens` tokens holds.
int64_t cache_bytes_of(const PageLayout& layout, int64_t tokens);
// Whether some page is given back before its sequence ends.
bool gives_pages_back(const PageLayout& layout);

// Error: a cache cannot store this type.
PageLayout page_layout(const ModelConfig& config, NumberType type);

// Calls visit(stream) for k.a, k.b, k.c, v.a, v.b and v.c of a LayerStreams, absent ones too.
template <typename Layer, typename Visitor>
void visit_streams(Layer& layer, Visitor&& visit) {
  for (auto* factors : {&layer.k, &layer.v}) {
    for (auto* stream : {&factors->a, &factors->b, &factors->c}) visit(*stream);
  }
}

// A layer's keys and values as attention() reads them from pages; values that are the keys' name the keys' streams.
// Constant factors and what is left to be done on use are not in pages: whoever runs the model adds them.
struct CachedViews {
  FactorView k, v;
};
CachedViews cached_views(const AttentionShape& shape, const LayerStreams& streams, const std::byte* const* pages);

}  // namespace t6
