#include "t6/text/sampling_settings.h"

#include <gmock/gmock.h>

#include "t6/formats/json.h"
#include "t6/text/text_settings.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SamplingSettings read(const char* text) {
  const Json json = parse_json(text, "test");
  return read_sampling(JsonObject(json, "test"));
}

TEST(SamplingSettings, ComeFromGenerationConfig) {
  EXPECT_EQ(read(R"({"eos_token_id": 2, "max_new_tokens": 9, "temperature": null, "num_beams": 1})"),
            SamplingSettings{});
  EXPECT_EQ(read(R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0, "typical_p": 1,
                     "repetition_penalty": 1.05})"),
            (SamplingSettings{0.6, 0.95, 0, 1, 1.05, 20}));
  EXPECT_EQ(read(R"({"do_sample": false, "temperature": 0.6, "top_k": 0})"),
            (SamplingSettings{.temperature = 0, .top_k = 0}));
}

TEST(SamplingSettings, WhatCannotBeUsedIsSaid) {
  const SamplingSettings settings = read(
      R"({"temperature": -1, "top_p": 0, "top_k": -1, "min_p": "x", "typical_p": 1.5, "repetition_penalty": 0,
          "do_sample": 1, "num_beams": 4, "bad_words_ids": [[1]], "suppress_tokens": []})");
  EXPECT_THAT(
      settings.unused,
      ElementsAre("temperature -1: wanted is a number from 0 up", "top_p 0: wanted is a number above 0 and at most 1",
                  "min_p \"x\": wanted is a number from 0 to 1",
                  "typical_p 1.5: wanted is a number above 0 and at most 1",
                  "repetition_penalty 0: wanted is a number above 0", "top_k -1: wanted is a whole number from 0 up",
                  "do_sample 1: wanted is true or false", "num_beams 4: T6 has no such choice",
                  "bad_words_ids [[1]]: T6 has no such choice"));
  EXPECT_EQ(settings, SamplingSettings{.unused = settings.unused});
  EXPECT_THAT(read(R"({"top_k": 99999999999999999999})").unused, ElementsAre(HasSubstr("top_k 1e+20")));
}

TEST(SamplingSettings, ComeFromGgufKeys) {
  const Json json = {{"general.sampling.temp", double{0.6F}},
                     {"general.sampling.top_p", double{0.95F}},
                     {"general.sampling.min_p", 1e-46},
                     {"general.sampling.top_k", 20},
                     {"general.sampling.penalty_repeat", double{1.05F}},
                     {"general.sampling.mirostat", 2},
                     {"general.sampling.xtc_probability", 0.0},
                     {"general.name", "x"}};
  const SamplingSettings settings = gguf_sampling(JsonObject(json, "test"));
  EXPECT_EQ(settings, (SamplingSettings{0.6, 0.95, 1e-46, {}, 1.05, 20, settings.unused}));
  EXPECT_THAT(settings.unused, ElementsAre("general.sampling.mirostat 2: T6 has no such choice"));
}

TEST(SamplingSettings, AreWrittenAsTheyAreRead) {
  const TemporaryFolder folder;
  for (const SamplingSettings& settings :
       {SamplingSettings{}, SamplingSettings{0.6, 0.95, 0.1, 0.9, 1.05, 20}, SamplingSettings{.temperature = 0},
        SamplingSettings{.top_k = 0}, SamplingSettings{.temperature = 0, .top_p = 0.5}}) {
    write_text_settings(folder.path(), {"", "", "", {2}, {}, settings});
    const TextSettings read = read_text_settings(folder.path());
    EXPECT_EQ(read.sampling, settings);
    EXPECT_THAT(read.end_of_text, ElementsAre(2));
  }
  Json json;
  write_sampling({.temperature = 0, .top_p = 0.5}, json);
  EXPECT_EQ(json, (Json{{"do_sample", false}, {"top_p", 0.5}}));
  json = Json::object();
  write_sampling({.unused = {"x"}}, json);
  EXPECT_THAT(json, IsEmpty());
}

}  // namespace
}  // namespace t6
