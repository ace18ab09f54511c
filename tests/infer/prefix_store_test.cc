#include "t6/infer/engine/prefix_store.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "tests/infer/engine_models.h"

namespace t6 {
namespace {

using ::testing::ElementsAreArray;

ModelConfig long_config(ModelConfig config) {
  config.max_position_embeddings = 400;
  return config;
}

class PrefixZoo : public ::testing::TestWithParam<ZooModel> {};

// The logits of the rest have the bits that they have when all is read at once.
TEST_P(PrefixZoo, GivesThePagesThatReadingAnewWould) {
  const ModelConfig config = long_config(GetParam().config);
  ForwardPass pass(test_context(), random_model(config));
  const auto ids = random_ids(config, 240);
  FactorCache whole(config);
  const auto wanted = copy(pass.run(ids, whole, Logits::last));

  PrefixStore store(int64_t{1} << 30);
  {
    FactorCache first(config);  // another text, alike up to token 150, and read in other pieces
    auto other = ids;
    for (size_t i = 150; i < other.size(); ++i) other[i] = 0;
    pass.run(std::span(other).first(128), first, Logits::none);
    pass.run(std::span(other).subspan(128), first, Logits::none);
    store.keep(other, first);
  }
  FactorCache cache(config);
  if (!cache.keeps_pages()) {  // windows: none are left here, and none are given
    EXPECT_EQ(store.page_count(), 0);
    EXPECT_EQ(store.adopt(ids, cache), 0);
    return;
  }
  EXPECT_EQ(store.page_count(), 3);
  EXPECT_EQ(store.adopt(ids, cache), 128);
  const auto logits = copy(pass.run(std::span(ids).subspan(128), cache, Logits::last));
  EXPECT_THAT(logits, ElementsAreArray(wanted));
}

INSTANTIATE_TEST_SUITE_P(Models, PrefixZoo, ::testing::ValuesIn(zoo()),
                         [](const auto& test) { return zoo_name(test); });

class PrefixStoreTest : public ::testing::Test {
 protected:
  // A cache of `ids` whose pages hold nothing that matters.
  FactorCache filled(const std::vector<int32_t>& ids, NumberType type = NumberType::f32) const {
    FactorCache cache(config_, {.type = type, .memory = memory_});
    cache.reserve(std::ssize(ids));
    cache.advance(std::ssize(ids));
    return cache;
  }
  void keep(PrefixStore& store, const std::vector<int32_t>& ids) const { store.keep(ids, filled(ids)); }
  int64_t adopted(PrefixStore& store, const std::vector<int32_t>& ids) const {
    FactorCache cache(config_, {.memory = memory_});
    return store.adopt(ids, cache);
  }

  const ModelConfig config_ = long_config(zoo_config("tpa"));
  const int64_t page_ = FactorCache(config_).page_bytes();
  const std::shared_ptr<CacheMemory> memory_ = std::make_shared<CacheMemory>(20 * page_);
  const std::vector<int32_t> a_ = random_ids(config_, 200, 1), b_ = random_ids(config_, 200, 2);
};

TEST_F(PrefixStoreTest, FindsWholePagesOfTheSameBeginning) {
  PrefixStore store(20 * page_);
  keep(store, a_);
  EXPECT_EQ(store.page_count(), 3);
  EXPECT_EQ(adopted(store, a_), 192);
  EXPECT_EQ(adopted(store, {a_.begin(), a_.begin() + 130}), 128);
  EXPECT_EQ(adopted(store, {a_.begin(), a_.begin() + 63}), 0);
  EXPECT_EQ(adopted(store, b_), 0);
  // The same page after another one is another page.
  std::vector<int32_t> mixed(b_.begin(), b_.begin() + 64);
  mixed.insert(mixed.end(), a_.begin() + 64, a_.begin() + 128);
  EXPECT_EQ(adopted(store, mixed), 0);
  // What is kept already is not kept twice.
  keep(store, a_);
  EXPECT_EQ(store.page_count(), 3);
  EXPECT_EQ(memory_->used(), 3 * page_);
}

TEST_F(PrefixStoreTest, KeepsTypesApart) {
  PrefixStore store(20 * page_);
  keep(store, a_);
  FactorCache other(config_, {.type = NumberType::i8});
  EXPECT_EQ(store.adopt(a_, other), 0);
  store.keep(a_, filled(a_, NumberType::i8));
  EXPECT_EQ(store.adopt(a_, other), 192);
  EXPECT_EQ(adopted(store, a_), 192);
}

TEST_F(PrefixStoreTest, IsRightWhenHashesCollide) {
  PrefixStore store(20 * page_, [](uint64_t, std::span<const int32_t>) { return uint64_t{7}; });
  keep(store, a_);
  keep(store, b_);
  EXPECT_EQ(store.page_count(), 6);
  std::vector<int32_t> mixed(b_.begin(), b_.begin() + 64);
  mixed.insert(mixed.end(), a_.begin() + 64, a_.end());
  EXPECT_EQ(adopted(store, mixed), 64);
  EXPECT_EQ(adopted(store, b_), 192);
  store.free(6 * page_);
  EXPECT_EQ(store.page_count(), 0);
  EXPECT_EQ(adopted(store, a_), 0);
}

TEST_F(PrefixStoreTest, LosesWhatWasUsedLongestAgo) {
  PrefixStore store(5 * page_);
  keep(store, a_);
  keep(store, {b_.begin(), b_.begin() + 128});
  EXPECT_EQ(adopted(store, a_), 192);  // used again
  keep(store, random_ids(config_, 64, 3));
  EXPECT_EQ(store.bytes(), 5 * page_);
  EXPECT_EQ(adopted(store, b_), 64);  // its last page went
  EXPECT_EQ(adopted(store, a_), 192);
  EXPECT_EQ(memory_->used(), 5 * page_);
  // A text longer than all that may be kept keeps its beginning.
  PrefixStore small(2 * page_);
  keep(small, a_);
  EXPECT_EQ(adopted(small, a_), 128);
}

TEST_F(PrefixStoreTest, FreesOnlyWhatNoCacheHolds) {
  PrefixStore store(20 * page_);
  keep(store, a_);
  keep(store, b_);
  FactorCache cache(config_, {.memory = memory_});
  ASSERT_EQ(store.adopt(a_, cache), 192);
  EXPECT_EQ(memory_->used(), 6 * page_);  // pages that are shared count once
  EXPECT_EQ(store.unused_bytes(), 3 * page_);
  store.free(1);
  EXPECT_EQ(memory_->used(), 5 * page_);
  EXPECT_EQ(adopted(store, b_), 128);
  store.free(20 * page_);
  EXPECT_EQ(memory_->used(), 3 * page_);
  EXPECT_EQ(store.page_count(), 3);
  cache.clear();
  EXPECT_EQ(memory_->used(), 3 * page_);
  store.free(20 * page_);
  EXPECT_EQ(memory_->used(), 0);
}

// A cache that goes back into pages that others hold writes into copies.
TEST_F(PrefixStoreTest, PagesStayWhatTheyWere) {
  const auto model = random_model(config_);
  ForwardPass pass(test_context(), model);
  PrefixStore store(20 * page_);
  FactorCache cache(config_, {.memory = memory_}), again(config_), plain(config_);
  pass.run(std::span(a_).first(128), cache, Logits::none);
  store.keep(std::span(a_).first(128), cache);
  cache.truncate(100);
  EXPECT_EQ(cache.bytes_to_reserve(10), page_);
  pass.run(std::span(b_).first(10), cache, Logits::none);
  EXPECT_EQ(cache.bytes_to_reserve(10), 0);
  EXPECT_EQ(store.adopt(a_, again), 128);
  const auto wanted = copy(pass.run(a_, plain, Logits::last));
  EXPECT_THAT(copy(pass.run(std::span(a_).subspan(128), again, Logits::last)), ElementsAreArray(wanted));
}

TEST_F(PrefixStoreTest, RefusesWhatDoesNotFitTogether) {
  PrefixStore store(20 * page_);
  EXPECT_THROW(store.keep(b_, filled({a_.begin(), a_.begin() + 100})), Error);
  keep(store, a_);
  FactorCache begun = filled({1}), small(config_, {.limit = 100});
  EXPECT_THROW(store.adopt(a_, begun), Error);
  EXPECT_THROW(store.adopt(a_, small), Error);
  EXPECT_THROW(begun.adopt(filled(a_).shared_page(0)), Error);
  EXPECT_THROW(small.adopt(filled(a_, NumberType::i8).shared_page(0)), Error);
}

}  // namespace
}  // namespace t6
