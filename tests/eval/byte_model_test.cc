#include "t6/eval/byte_model.h"

#include <gmock/gmock.h>

#include <cmath>

#include "t6/core/error.h"
#include "t6/core/random.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;

TEST(ByteModel, KnowsNothingUntrained) {
  EXPECT_NEAR(ByteModel().bits(std::vector<int32_t>{1, 2, 256}), 2 * std::log2(257), 1e-9);
}

TEST(ByteModel, MixesOrdersAsWittenAndBellDo) {
  ByteModel model;
  model.train(std::vector<int32_t>{'a', 'a', 'b'});
  // Order 0 saw a twice, b once; order 1 saw after a: a once, b once.
  const double order0 = (1 + 2.0 / 257) / (3 + 2);
  EXPECT_NEAR(model.bits(std::vector<int32_t>{'a', 'b'}), -std::log2((1 + 2 * order0) / (2 + 2)), 1e-9);
  // Nothing followed b: order 0 alone.
  EXPECT_NEAR(model.bits(std::vector<int32_t>{'b', 'b'}), -std::log2(order0), 1e-9);
}

TEST(ByteModel, GivesProbabilitiesThatSumToOne) {
  ByteModel model;
  Random random(1);
  std::vector<int32_t> text;
  for (int i = 0; i < 3000; ++i) text.push_back(static_cast<int32_t>(random.below(5) * random.below(4)));
  model.train(text);
  for (const std::vector<int32_t>& before : {std::vector<int32_t>{4}, {0, 3}, {4, 0, 2}, {9, 4, 0, 2}, {200, 100, 0}}) {
    double sum = 0;
    for (int32_t symbol = 0; symbol < ByteModel::kSymbols; ++symbol) {
      auto longer = before;
      longer.push_back(symbol);
      sum += std::exp2(model.bits(before) - model.bits(longer));
    }
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

TEST(ByteModel, LearnsWhatThreeBytesTell) {
  std::vector<int32_t> text;
  for (int i = 0; i < 500; ++i) text.insert(text.end(), {'a', 'b', 'a', 'c', 256});
  ByteModel model;
  model.train(text);
  EXPECT_LT(model.bits(text) / static_cast<double>(text.size()), 0.05);
}

TEST(ByteModel, RefusesWhatIsNoByte) {
  ByteModel model;
  EXPECT_THROW(model.train(std::vector<int32_t>{1, 257}), Error);
  EXPECT_THROW(model.train(std::vector<int32_t>{-1}), Error);
  EXPECT_THROW(model.bits(std::vector<int32_t>{1, 300}), Error);
}

TEST(ByteModel, ReadsTokensAsBytes) {
  const auto tokenizer = byte_tokenizer();
  EXPECT_THAT(byte_symbols(*tokenizer, tokenizer->encode("h\xc3\xa9<|endoftext|>x")),
              ElementsAre('h', 0xc3, 0xa9, 256, 'x'));
}

}  // namespace
}  // namespace t6
