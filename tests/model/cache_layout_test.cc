#include "t6/model/cache_layout.h"

#include <gmock/gmock.h>

#include <utility>

#include "t6/core/rounding.h"
#include "t6/numbers/cache_type.h"
#include "tests/zoo.h"

namespace t6 {
namespace {

class Layouts : public ::testing::TestWithParam<ZooModel> {};

TEST_P(Layouts, HoldWhatIsContextualOnce) {
  const ModelConfig& config = GetParam().config;
  const AttentionShape shape = attention_shape(config);
  for (const NumberType type : {NumberType::f32, NumberType::bf16, NumberType::i8}) {
    const PageLayout layout = page_layout(config, type);
    ASSERT_EQ(std::ssize(layout.layers), config.num_hidden_layers);
    const LayerStreams& layer = layout.layers.front();
    EXPECT_EQ(layer.numbers_per_token(), shape.cache_numbers());
    int64_t vectors = 0;
    visit_streams(layer, [&](const PagedStream& stream) { vectors += stream.width > 0 ? stream.vectors : 0; });
    const int64_t scales = has_scales(type) ? 2 * vectors : 0;
    EXPECT_EQ(layer.page_bytes(), kPageTokens * (stored_bytes(type, shape.cache_numbers()) + scales));
  }
}

TEST_P(Layouts, PutOneStreamAfterTheOther) {
  for (const NumberType type : {NumberType::f16, NumberType::i8, NumberType::i4}) {
    const PageLayout layout = page_layout(GetParam().config, type);
    int64_t end = 0;
    for (const LayerStreams& layer : layout.layers) {
      visit_streams(layer, [&](const PagedStream& stream) {
        if (stream.width == 0) return;
        EXPECT_EQ(stream.offset, round_up(end, 64));
        EXPECT_GE(stream.scale_offset, stream.offset + stream.bytes());
        end = stream.scale_offset + stream.scale_bytes();
      });
    }
    EXPECT_EQ(layout.bytes, end);
  }
}

TEST_P(Layouts, GiveViewsWithAllThatIsNotConstant) {
  const ModelConfig& config = GetParam().config;
  const AttentionShape shape = attention_shape(config);
  const PageLayout layout = page_layout(config, NumberType::f32);
  const std::byte* const* pages = nullptr;
  const CachedViews views = cached_views(shape, layout.layers.back(), pages);
  for (const auto& [view, factors] : {std::pair(&views.k, &shape.k), {&views.v, &shape.v}}) {
    EXPECT_EQ(view->rank, factors->rank);
    EXPECT_EQ(view->features, factors->features);
    EXPECT_EQ(view->paged_a.width > 0, factors->head == HeadFactor::contextual);
    EXPECT_EQ(view->paged_b.width > 0, factors->contextual_features);
    EXPECT_EQ(view->paged_c.width > 0, factors->third > 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, Layouts, ::testing::ValuesIn(zoo()), [](const auto& test) { return zoo_name(test); });

}  // namespace
}  // namespace t6
