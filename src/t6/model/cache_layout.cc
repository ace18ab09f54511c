#include "t6/model/cache_layout.h"

#include "t6/core/rounding.h"
#include "t6/numbers/cache_type.h"

namespace t6 {
namespace {

// `raw`: b is finished when it is used, or read as values too.
CachedFactors cached_factors(const FactorShape& shape, NumberType type, bool features, bool raw) {
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

FactorView paged_view(const FactorShape& shape, const CachedFactors& cached, const std::byte* const* pages) {
  FactorView view;
  view.rank = shape.rank;
  view.features = shape.features;
  view.third = shape.third;
  view.pages = pages;
  view.paged_a = cached.a;
  view.paged_b = cached.b;
  view.paged_c = cached.c;
  return view;
}

}  // namespace

int64_t LayerStreams::numbers_per_token() const {
  int64_t numbers = 0;
  visit_streams(*this, [&](const PagedStream& stream) { numbers += stream.vectors * stream.width; });
  return numbers;
}

int64_t LayerStreams::page_bytes() const {
  int64_t bytes = 0;
  visit_streams(*this, [&](const PagedStream& stream) { bytes += stream.bytes() + stream.scale_bytes(); });
  return bytes;
}

int64_t cache_bytes_per_token(const PageLayout& layout) {
  int64_t bytes = 0;
  for (const LayerStreams& layer : layout.layers) bytes += layer.page_bytes();
  return divide_up(bytes, kPageTokens);
}

PageLayout page_layout(const ModelConfig& config, NumberType type) {
  (void)cache_type_name(type);  // the error
  const AttentionShape shape = attention_shape(config);
  const bool own = shape.values == ValueSource::own;
  const LayerStreams layer = {cached_factors(shape.k, type, true, !own), cached_factors(shape.v, type, own, true)};
  PageLayout layout;
  layout.layers.assign(static_cast<size_t>(config.num_hidden_layers), layer);
  for (LayerStreams& placed : layout.layers) {
    visit_streams(placed, [&](PagedStream& stream) {
      if (stream.width > 0) layout.bytes = stream.place(layout.bytes);
    });
  }
  return layout;
}

CachedViews cached_views(const AttentionShape& shape, const LayerStreams& streams, const std::byte* const* pages) {
  CachedViews views = {paged_view(shape.k, streams.k, pages), paged_view(shape.v, streams.v, pages)};
  if (shape.values != ValueSource::own) {
    views.v.paged_b = streams.k.b;
    views.v.paged_c = streams.k.c;
  }
  return views;
}

}  // namespace t6
