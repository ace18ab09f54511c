#include "t6/model/cache_layout.h"

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

}  // namespace

LayerStreams layer_streams(const AttentionShape& shape, NumberType type) {
  (void)cache_type_name(type);  // the error
  const bool own = shape.values == ValueSource::own;
  return {cached_factors(shape.k, type, true, !own), cached_factors(shape.v, type, own, true)};
}

int64_t place_streams(LayerStreams& layer, int64_t at) {
  visit_streams(layer, [&](PagedStream& stream) {
    if (stream.width > 0) at = stream.place(at);
  });
  return at;
}

int64_t layer_bytes(const LayerStreams& layer) {
  int64_t bytes = 0;
  visit_streams(layer, [&](const PagedStream& stream) { bytes += stream.bytes() + stream.scale_bytes(); });
  return bytes;
}

}  // namespace t6
