#include "t6/compare/match.h"

#include <gmock/gmock.h>

#include <cmath>
#include <string>

#include "t6/formats/json.h"
#include "t6/model/costs.h"
#include "t6/model/presets.h"
#include "tests/error_of.h"
#include "tests/zoo.h"

namespace t6 {
namespace {

using testing::AllOf;
using testing::HasSubstr;

double off(int64_t found, int64_t wanted) {
  return std::abs(static_cast<double>(found) / static_cast<double>(wanted) - 1);
}

int64_t bytes(const ModelConfig& config) { return cache_bytes(config, NumberType::bf16); }

constexpr const char* kKinds[] = {"mha", "mqa", "gqa", "mfa", "mla", "tpa", "tpa_kvonly"};

ModelConfig nano(const std::string& kind) { return preset("nano-" + kind); }

ModelConfig matched(ModelConfig config, const ModelConfig& reference, const MatchRules& rules,
                    const std::set<std::string>& pinned = {}) {
  match_sizes(config, pinned, reference, rules, "x");
  return config;
}

TEST(Match, GivesEveryKindTheParametersOfEveryOther) {
  for (const char* kind : kKinds) {
    for (const char* reference : kKinds) {
      ModelConfig start = nano(kind);
      start.intermediate_size = 200;
      if (start.attention_kind != AttentionKind::gqa) start.num_attention_heads = 3;
      const ModelConfig found = matched(start, nano(reference), {.parameters = true});
      EXPECT_LE(off(parameter_count(found), parameter_count(nano(reference))), kParameterTolerance)
          << kind << " to " << reference;
      EXPECT_EQ(found.head_dim, start.head_dim);
    }
  }
}

TEST(Match, GivesEveryModelOfTheZooTheParametersOfAnother) {
  ModelConfig reference = zoo().front().config;
  reference.intermediate_size = 150;
  for (const ZooModel& model : zoo()) {
    const ModelConfig found = matched(model.config, reference, {.parameters = true});
    EXPECT_LE(off(parameter_count(found), parameter_count(reference)), kParameterTolerance) << model.name;
  }
}

TEST(Match, LeavesWhatIsGiven) {
  const ModelConfig heads = matched(nano("tpa"), nano("mha"), {.parameters = true}, {"num_attention_heads"});
  EXPECT_EQ(heads.num_attention_heads, nano("tpa").num_attention_heads);
  ModelConfig start = nano("tpa");
  start.intermediate_size = 332;
  const ModelConfig width = matched(start, nano("mha"), {.parameters = true}, {"intermediate_size"});
  EXPECT_EQ(width.intermediate_size, 332);
  EXPECT_LE(off(parameter_count(width), parameter_count(nano("mha"))), kParameterTolerance);
  EXPECT_EQ(config_to_json(matched(nano("mha"), nano("mha"), {.parameters = true})), config_to_json(nano("mha")));
}

TEST(Match, GivesEveryKindTheHeadsAndFeedForwardOfTheReference) {
  for (const char* kind : kKinds) {
    const ModelConfig found = matched(nano(kind), nano("mha"), {.heads = true});
    EXPECT_EQ(found.num_attention_heads, 4) << kind;
    EXPECT_EQ(found.feed_forward_dim(), nano("mha").feed_forward_dim()) << kind;
    const ModelConfig both = matched(nano(kind), nano("mha"), {.parameters = true, .heads = true});
    EXPECT_EQ(both.num_attention_heads, 4) << kind;
    EXPECT_LE(off(parameter_count(both), parameter_count(nano("mha"))), kParameterTolerance) << kind;
  }
}

TEST(Match, GivesEveryKindTheCacheOfOthers) {
  ModelConfig latent = nano("mla");
  latent.kv_lora_rank = 64;
  for (const char* kind : kKinds) {
    for (const ModelConfig& reference : {nano("mha"), nano("tpa"), latent}) {
      const std::string names = std::string(kind) + " to " + attention_kind_name(reference.attention_kind);
      const ModelConfig found = matched(nano(kind), reference, {.cache = true});
      EXPECT_LE(off(bytes(found), bytes(reference)), kCacheTolerance) << names;
      EXPECT_EQ(found.k_rank, found.v_rank) << names;
      const ModelConfig both = matched(nano(kind), reference, {.parameters = true, .cache = true});
      EXPECT_EQ(bytes(both), bytes(found)) << names;
      EXPECT_LE(off(parameter_count(both), parameter_count(reference)), kParameterTolerance) << names;
    }
  }
}

TEST(Match, ChangesNothingOfACacheThatIsEqualAlready) {
  for (const char* kind : kKinds) {
    EXPECT_EQ(config_to_json(matched(nano(kind), nano(kind), {.cache = true})), config_to_json(nano(kind))) << kind;
  }
}

TEST(Match, SaysWhatTheNearestPossibleIs) {
  const auto error = [](const ModelConfig& config, const MatchRules& rules, const std::set<std::string>& pinned) {
    return error_of([&] { matched(config, preset("nano-mha"), rules, pinned); });
  };
  ModelConfig large = nano("tpa");
  large.hidden_size = 4096;
  EXPECT_THAT(
      error(large, {.parameters = true}, {}),
      AllOf(HasSubstr("x: no sizes give within 1 % of the reference's 1,211,776 parameters; the nearest possible"),
            HasSubstr("intermediate_size = 1")));
  EXPECT_THAT(error(large, {.parameters = true}, {"num_attention_heads", "intermediate_size"}), HasSubstr("are given"));
  EXPECT_THAT(error(nano("tpa"), {.heads = true}, {"num_attention_heads"}),
              HasSubstr("\"num_attention_heads\" is 5, and the reference's, which all shall have, is 4"));
  ModelConfig groups = nano("gqa");
  groups.num_key_value_heads = 3;
  groups.num_attention_heads = 9;
  EXPECT_THAT(error(groups, {.heads = true}, {}),
              HasSubstr("4 heads, as the reference has, do not divide into 3 groups"));
  EXPECT_THAT(error(groups, {.heads = true}, {}), HasSubstr("the nearest possible are 3 and 6"));
  EXPECT_THAT(error(nano("tpa"), {.cache = true}, {"k_rank", "v_rank", "num_attention_heads"}), HasSubstr("are given"));
  ModelConfig narrow = nano("tpa");
  narrow.head_dim = 512;
  EXPECT_THAT(
      error(narrow, {.cache = true}, {"num_attention_heads"}),
      AllOf(HasSubstr("no sizes give a cache within 2 % of the reference's"), HasSubstr("k_rank = v_rank = 1")));
}

}  // namespace
}  // namespace t6
