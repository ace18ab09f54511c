#include "t6/model/cache_layout.h"

#include <gmock/gmock.h>

#include <numeric>
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
    std::vector<int64_t> ends(layout.groups.size());
    for (size_t i = 0; i < layout.layers.size(); ++i) {
      int64_t& end = ends[layout.group_of[i]];
      visit_streams(layout.layers[i], [&](const PagedStream& stream) {
        if (stream.width == 0) return;
        EXPECT_EQ(stream.offset, round_up(end, 64));
        EXPECT_GE(stream.scale_offset, stream.offset + stream.bytes());
        end = stream.scale_offset + stream.scale_bytes();
      });
    }
    for (size_t i = 0; i < ends.size(); ++i) EXPECT_EQ(layout.groups[i].bytes, ends[i]);
    EXPECT_EQ(layout.bytes, std::accumulate(ends.begin(), ends.end(), int64_t{0}));
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

TEST(PageLayout, PutsLayersThatSeeAsFarTogether) {
  ModelConfig config;
  config.num_hidden_layers = 4;
  const PageLayout alike = page_layout(config, NumberType::f32);
  EXPECT_EQ(alike.groups.size(), 1u);
  EXPECT_FALSE(gives_pages_back(alike));
  config.no_rope_layers = {1, 0, 1, 1};  // which makes no difference to how far a layer sees
  EXPECT_EQ(page_layout(config, NumberType::f32).groups.size(), 1u);
  config.sliding_window = 100;
  EXPECT_EQ(page_layout(config, NumberType::f32).groups.size(), 1u);
  config.layer_types = {LayerType::sliding, LayerType::full, LayerType::sliding, LayerType::sliding};
  const PageLayout mixed = page_layout(config, NumberType::f32);
  EXPECT_THAT(mixed.group_of, ::testing::ElementsAre(0, 1, 0, 0));
  EXPECT_EQ(mixed.groups[0].bytes, 3 * mixed.groups[1].bytes);
  EXPECT_EQ(mixed.bytes, alike.bytes);
  EXPECT_TRUE(gives_pages_back(mixed));
  config.sliding_window = config.max_position_embeddings;  // hides nothing
  EXPECT_FALSE(gives_pages_back(page_layout(config, NumberType::f32)));
}

// Counted token by token: a page is held as long as some later token sees one of its tokens, or the one before it.
TEST(PageGroup, HoldsWhatLaterTokensSee) {
  for (const auto& [window, sinks, shifted] :
       {std::tuple(1, 0, false), {64, 0, false}, {65, 3, false}, {100, 70, false}, {100, 0, true}, {10, 130, true}}) {
    const PageGroup group = {.window = window, .sinks = sinks, .shifted = shifted, .bytes = 1};
    for (int64_t tokens = 0; tokens < 400; ++tokens) {
      int64_t held = 0;
      for (int64_t page = 0; page < pages_of(tokens); ++page) {
        const int64_t last_seen = (page + (shifted ? 2 : 1)) * kPageTokens - 1;  // of the page, or of the next
        const bool seen = page * kPageTokens < sinks || last_seen >= tokens + 1 - window;
        held += seen ? 1 : 0;
      }
      ASSERT_LE(held, group.most_pages(tokens));
      ASSERT_EQ(group.held_pages(tokens), held) << window << " " << sinks << " " << tokens;
    }
  }
}

}  // namespace
}  // namespace t6
