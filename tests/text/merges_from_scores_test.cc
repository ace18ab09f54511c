#include "t6/text/tokenizer/merges_from_scores.h"

#include <gtest/gtest.h>

#include <vector>

#include "t6/formats/json.h"

namespace t6 {
namespace {

TEST(MergesFromScores, PutsBestScoresFirst) {
  const std::vector<ScoredToken> tokens = {{"a", -9},  {"b", -9},   {"é", -9},  {"ab", -2},
                                           {"aé", -1}, {"abé", -3}, {"bé", -4}, {"xyz", 0}};
  EXPECT_EQ(merges_from_scores(tokens),
            Json::parse(R"([["a", "é"], ["a", "b"], ["ab", "é"], ["a", "bé"], ["b", "é"]])"));
}

}  // namespace
}  // namespace t6
