#include "t6/train/steps/data.h"

#include <gmock/gmock.h>

#include <numeric>
#include <set>

#include "tests/train/sample_run.h"

namespace t6 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int32_t> counting(int32_t count) {
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

TEST(Sequences, TargetsAreTheNextTokensAlsoAcrossShards) {
  const TemporaryFolder folder;
  write_shard(folder / "train_0.bin", {0, 1, 2, 3, 4});
  write_shard(folder / "train_1.bin", {5, 6, 7, 8, 9});
  const Sequences sequences(folder.path(), "train", 3, 10);
  EXPECT_EQ(sequences.tokens(), 10);
  std::vector<int64_t> inputs(6), targets(6);
  const std::vector<int64_t> begins = {3, 6};
  sequences.read(begins, inputs, targets);
  EXPECT_THAT(inputs, ElementsAre(3, 4, 5, 6, 7, 8));
  EXPECT_THAT(targets, ElementsAre(4, 5, 6, 7, 8, 9));
}

TEST(Sequences, ErrorsNameSplitTokenAndSizes) {
  const TemporaryFolder folder;
  write_shard(folder / "train_0.bin", {1, 2, 300, 4});
  const auto open = [&](int64_t context, int64_t vocab) { return Sequences(folder.path(), "train", context, vocab); };
  EXPECT_NO_THROW(open(3, 301));
  EXPECT_THAT(error_of([&] { open(4, 301); }), HasSubstr("\"train\" has 4 tokens; a sequence of train.context = 4"));
  EXPECT_THAT(error_of([&] { Sequences(folder.path(), "val", 2, 301); }),
              HasSubstr("no token shards of the split \"val\""));
  std::vector<int64_t> inputs(2), targets(2);
  const std::vector<int64_t> begins = {1};
  EXPECT_THAT(error_of([&] { open(2, 300).read(begins, inputs, targets); }),
              HasSubstr("token 2 of the split \"train\" is 300; the model's vocab_size is 300"));
}

TEST(Sequences, DataThatShrinksWhileItIsReadIsAnError) {
  const TemporaryFolder folder;
  write_shard(folder / "train_0.bin", counting(1000));
  const Sequences sequences(folder.path(), "train", 10, 1000);
  std::filesystem::resize_file(folder / "train_0.bin", 1100);
  std::vector<int64_t> inputs(10), targets(10);
  const std::vector<int64_t> begins = {900};
  EXPECT_THAT(error_of([&] { sequences.read(begins, inputs, targets); }), HasSubstr("train_0.bin: the file ends"));
}

TEST(ShuffledOrder, AnEpochHasEverySequenceOnce) {
  for (const int64_t tokens : {17, 18, 33, 100, 1000, 4096, 5001}) {
    const ShuffledOrder order(tokens, 16, 7);
    std::set<int64_t> begins, remainders;
    for (int64_t i = 0; i < order.epoch_sequences(); ++i) {
      const int64_t begin = order.begin(i);
      EXPECT_GE(begin, 0);
      EXPECT_LE(begin + 16 + 1, tokens);
      begins.insert(begin);
      remainders.insert(begin % 16);
    }
    EXPECT_EQ(begins.size(), static_cast<size_t>(order.epoch_sequences())) << tokens;
    EXPECT_EQ(remainders.size(), 1u) << "they lie side by side, so none overlap";
    EXPECT_GE(order.epoch_sequences(), std::max<int64_t>(1, tokens / 16 - 1));
  }
}

TEST(ShuffledOrder, DependsOnSeedAndPositionAlone) {
  const ShuffledOrder order(100'000, 64, 3), same(100'000, 64, 3), other(100'000, 64, 4);
  int equal = 0, moved = 0;
  for (int64_t i = 5000; i < 6000; ++i) {
    EXPECT_EQ(order.begin(i), same.begin(i));
    equal += order.begin(i) == other.begin(i);
    moved += order.begin(i) % 64 != order.begin(i - order.epoch_sequences()) % 64;
  }
  EXPECT_LT(equal, 20);
  EXPECT_GT(moved, 900) << "each epoch cuts the text elsewhere";
}

TEST(EvenBegins, CoverTheSplitWithoutOverlap) {
  EXPECT_THAT(even_begins(101, 10, 5), ElementsAre(0, 20, 40, 60, 80));
  EXPECT_THAT(even_begins(31, 10, 0), ElementsAre(0, 10, 20));
  EXPECT_THAT(even_begins(31, 10, 99), ElementsAre(0, 10, 20));
  EXPECT_THAT(even_begins(11, 10, 4), ElementsAre(0));
  for (const int64_t tokens : {50, 99, 1234}) {
    const auto begins = even_begins(tokens, 7, 6);
    ASSERT_EQ(begins.size(), 6u);
    for (size_t i = 1; i < begins.size(); ++i) EXPECT_GE(begins[i] - begins[i - 1], 7);
    EXPECT_LE(begins.back() + 7 + 1, tokens);
  }
}

TEST(DataFacts, ComeFromWhatTheFolderHas) {
  const TemporaryFolder folder;
  write_shard(folder / "train_0.bin", {1, 2});
  EXPECT_FALSE(read_data_facts(folder.path()).vocab_size);
  EXPECT_FALSE(read_data_facts(folder / "train_0.bin").vocab_size);
  const DataFacts facts = read_data_facts(write_sample_data(folder));
  EXPECT_EQ(facts.vocab_size, 31);
  EXPECT_EQ(facts.bytes_per_token, 2.0);
  EXPECT_TRUE(facts.tokenizer.empty());
  folder.write("data/data.json", "{}");
  EXPECT_THAT(error_of([&] { read_data_facts(folder / "data"); }), HasSubstr("data.json: the key"));
}

}  // namespace
}  // namespace t6
