#include "t6/serve/api/pooling.h"

#include <gmock/gmock.h>

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

TEST(PooledStates, TakesTheMeanOrTheLast) {
  const std::vector<float> first = {1, 2, 4, 4}, second = {4, 6};
  PooledStates mean(Pooling::mean, 2), last(Pooling::last, 2);
  for (PooledStates* states : {&mean, &last}) {
    states->add(first);
    states->add(second);
  }
  EXPECT_THAT(mean.vector(), ElementsAre(FloatEq(0.6f), FloatEq(0.8f)));  // of (3, 4)
  EXPECT_THAT(last.vector(), ElementsAre(FloatEq(0.5547002f), FloatEq(0.8320503f)));
}

TEST(PooledStates, LeaveZerosAsTheyAre) {
  const std::vector<float> zeros = {0, 0, 0};
  PooledStates states(Pooling::mean, 3);
  states.add(zeros);
  EXPECT_THAT(states.vector(), ElementsAre(0, 0, 0));
}

// Beside Python's base64.b64encode(struct.pack("<2f", 1.0, -2.5)) and the like.
TEST(Base64, IsThatOfLittleEndianFloats) {
  EXPECT_EQ(base64({}), "");
  EXPECT_EQ(base64(std::vector<float>{1}), "AACAPw==");
  EXPECT_EQ(base64(std::vector<float>{1, -2.5}), "AACAPwAAIMA=");
  EXPECT_EQ(base64(std::vector<float>{1, -2.5, 3}), "AACAPwAAIMAAAEBA");
}

}  // namespace
}  // namespace t6
