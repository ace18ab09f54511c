#include "t6/model/cache_layout.h"

#include <algorithm>

#include "t6/core/rounding.h"
#include "t6/model/layer_attention.h"
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

// The group of layers that see as far as this, a new one where there is none. A window no shorter than the model's
// positions gives nothing back.
size_t group_of(std::vector<PageGroup>& groups, LayerAttention layer, int64_t positions, bool shifted) {
  if (layer.window >= positions) layer.window = layer.sinks = 0;
  const auto found = std::ranges::find_if(
      groups, [&](const PageGroup& group) { return group.window == layer.window && group.sinks == layer.sinks; });
  const auto index = static_cast<size_t>(found - groups.begin());
  if (found == groups.end()) groups.push_back({.window = layer.window, .sinks = layer.sinks, .shifted = shifted});
  return index;
}

}  // namespace

int64_t PageGroup::sink_pages() const { return window > 0 ? pages_of(sinks) : 0; }

int64_t PageGroup::first_page(int64_t tokens) const {
  if (window == 0) return 0;
  const int64_t seen = std::max<int64_t>(0, tokens + 1 - window) / kPageTokens;
  return std::max<int64_t>(0, seen - (shifted ? 1 : 0));
}

int64_t PageGroup::held_pages(int64_t tokens) const {
  return pages_of(tokens) - std::max<int64_t>(0, first_page(tokens) - sink_pages());
}

int64_t PageGroup::most_pages(int64_t tokens) const {
  // A window that begins at a page's last token.
  const int64_t seen = divide_up(window + kPageTokens - 2, kPageTokens) + (shifted ? 1 : 0) + sink_pages();
  return window > 0 ? std::min(pages_of(tokens), seen) : pages_of(tokens);
}

int64_t cache_bytes_of(const PageLayout& layout, int64_t tokens) {
  int64_t bytes = 0;
  for (const PageGroup& group : layout.groups) bytes += group.held_pages(tokens) * group.bytes;
  return bytes;
}

bool gives_pages_back(const PageLayout& layout) {
  return std::ranges::any_of(layout.groups, [](const PageGroup& group) { return group.window > 0; });
}

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
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layout.group_of.push_back(
        group_of(layout.groups, layer_attention(config, i), config.max_position_embeddings, config.kv_shift));
    PageGroup& group = layout.groups[layout.group_of.back()];
    visit_streams(layout.layers[static_cast<size_t>(i)], [&](PagedStream& stream) {
      if (stream.width > 0) group.bytes = stream.place(group.bytes);
    });
  }
  for (const PageGroup& group : layout.groups) layout.bytes += group.bytes;
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
