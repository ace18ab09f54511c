// Where a layer's cached factors lie in a page: what is contextual, once, in the order in which the kernels read it.
#pragma once

#include <cstdint>

#include "t6/model/factors.h"
#include "t6/numbers/cache_page.h"

namespace t6 {

// Second-order b, or third-order b' and c. Keys are rotated, but for shared B, where b is raw and belongs to the values
// too, and MLA, where k.b is the latent and its rotated part.
struct CachedFactors {
  PagedStream a, b, c;
};
struct LayerStreams {
  CachedFactors k, v;
};

// Calls visit(stream) with each stream of a layer, in the order in which they lie in a page.
template <typename Layer, typename Visitor>
void visit_streams(Layer& layer, Visitor&& visit) {
  for (auto* factors : {&layer.k, &layer.v}) {
    for (auto* stream : {&factors->a, &factors->b, &factors->c}) visit(*stream);
  }
}

// The streams of numbers of `type`, not placed yet. Error: a cache cannot store this type.
LayerStreams layer_streams(const AttentionShape& shape, NumberType type);

// Puts the streams at `at` in a page; the first byte after them.
int64_t place_streams(LayerStreams& layer, int64_t at);

// Bytes of the numbers and scales of 64 tokens, without what aligns the streams.
int64_t layer_bytes(const LayerStreams& layer);

}  // namespace t6
