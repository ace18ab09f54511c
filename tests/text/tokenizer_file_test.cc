#include "t6/text/tokenizer/tokenizer_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "t6/core/error.h"
#include "t6/core/random.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer.h"

namespace t6 {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A tokenizer of four tokens and two added ones, with every part that can be wrong.
Json small_tokenizer() {
  return Json::parse(R"({
    "added_tokens": [{"id": 4, "content": "<|endoftext|>", "special": true, "normalized": false, "lstrip": false,
                      "rstrip": false, "single_word": false},
                     {"id": 5, "content": "<b>", "special": false}],
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\p{L}+| \\p{N}{1,3}"}, "behavior": "Isolated", "invert": false},
      {"type": "Digits", "individual_digits": true},
      {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
    "post_processor": {"type": "TemplateProcessing", "single": []},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
              "end_of_word_suffix": "", "byte_fallback": false, "ignore_merges": false,
              "vocab": {"a": 0, "b": 1, "ab": 2, "aba": 3}, "merges": [["a", "b"], "ab a"]}})");
}

std::string loading_error(const std::string& text) {
  try {
    parse_tokenizer_file(text, "t.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string error_after(const std::function<void(Json&)>& change) {
  Json json = small_tokenizer();
  change(json);
  return loading_error(json.dump());
}

TEST(TokenizerFile, ReadsBothSpellingsOfMerges) {
  const Tokenizer tokenizer(small_tokenizer().dump(), "t.json");
  EXPECT_EQ(tokenizer.encode("ababa<b>abb<|endoftext|>"), (std::vector<int32_t>{2, 3, 5, 2, 1, 4}));
  EXPECT_EQ(tokenizer.vocab_size(), 6);
}

TEST(TokenizerFile, IgnoreMergesTakesWholeWordsFirst) {
  Json json = small_tokenizer();
  json["model"]["vocab"]["bb"] = 6;  // no merge makes it
  EXPECT_EQ(Tokenizer(json.dump(), "t.json").encode("bb"), (std::vector<int32_t>{1, 1}));
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(Tokenizer(json.dump(), "t.json").encode("bb"), (std::vector<int32_t>{6}));
}

TEST(TokenizerFile, ErrorsNameTheFieldThatIsMissing) {
  for (const char* key : {"model", "decoder", "pre_tokenizer"}) {
    EXPECT_THAT(error_after([&](Json& json) { json.erase(key); }), AllOf(HasSubstr("t.json"), HasSubstr(key)));
  }
  EXPECT_THAT(error_after([](Json& json) { json["model"].erase("vocab"); }), HasSubstr("model: the key \"vocab\""));
  EXPECT_THAT(error_after([](Json& json) { json["added_tokens"][1].erase("id"); }),
              HasSubstr("added_tokens[1]: the key \"id\""));
  EXPECT_THAT(error_after([](Json& json) { json["pre_tokenizer"]["pretokenizers"][0].erase("pattern"); }),
              HasSubstr("pretokenizers[0]: the key \"pattern\""));
  EXPECT_THAT(loading_error("[]"), HasSubstr("t.json: wanted a JSON object"));
  EXPECT_THAT(loading_error(""), HasSubstr("t.json: not valid JSON"));
}

TEST(TokenizerFile, ErrorsNameTheFieldOfAWrongType) {
  EXPECT_THAT(error_after([](Json& json) { json["model"]["vocab"] = Json::array(); }), HasSubstr("model: vocab"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["vocab"]["a"] = "0"; }), HasSubstr("id of \"a\""));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["vocab"]["a"] = 0.5; }), HasSubstr("id of \"a\""));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["merges"] = 3; }), HasSubstr("\"merges\" must be an array"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["merges"][1] = {1, 2}; }), HasSubstr("merges[1]"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["merges"][1] = "a b a"; }), HasSubstr("merges[1]"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["ignore_merges"] = 1; }), HasSubstr("\"ignore_merges\""));
  EXPECT_THAT(error_after([](Json& json) { json["added_tokens"] = 1; }),
              HasSubstr("\"added_tokens\" must be an array"));
  EXPECT_THAT(error_after([](Json& json) { json["added_tokens"][0]["content"] = 1; }), HasSubstr("\"content\""));
  EXPECT_THAT(error_after([](Json& json) { json["normalizer"] = "NFC"; }), HasSubstr("normalizer"));
}

TEST(TokenizerFile, ErrorsNameIdsThatCannotBe) {
  const auto with_id = [](const Json& id) {
    return error_after([&](Json& json) { json["model"]["vocab"]["ab"] = id; });
  };
  EXPECT_THAT(with_id(1), AllOf(HasSubstr("id 1"), HasSubstr("\"b\"")));  // twice
  EXPECT_THAT(with_id(-1), HasSubstr("-1"));
  EXPECT_THAT(with_id(1'000'000'000), HasSubstr("1000000000"));
  EXPECT_THAT(with_id(UINT64_MAX), HasSubstr("18446744073709551615"));
  EXPECT_THAT(error_after([](Json& json) { json["added_tokens"][1]["id"] = -5; }), HasSubstr("\"id\""));
}

TEST(TokenizerFile, IdsMayLeaveHoles) {
  Json json = small_tokenizer();
  json["model"]["vocab"]["far"] = 300'000 - 100'000;
  const Tokenizer tokenizer(json.dump(), "t.json");
  EXPECT_EQ(tokenizer.vocab_size(), 200'001);
  EXPECT_EQ(tokenizer.token(7), "");
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{7, 0}, false), "a");
  json["model"]["vocab"]["far"] = 300'000;
  EXPECT_THAT(loading_error(json.dump()), HasSubstr("the id 300000 of \"far\" is not below 262151"));
}

// Hugging Face gives added tokens the ids that follow on the vocabulary, and that of the vocabulary to those in it.
TEST(TokenizerFile, AddedTokensHaveTheIdsOfHuggingFace) {
  Json json = small_tokenizer();
  json["added_tokens"][0]["id"] = 40;
  json["added_tokens"][1] = {{"id", 41}, {"content", "ab"}, {"special", true}};
  const Tokenizer tokenizer(json.dump(), "t.json");
  EXPECT_EQ(tokenizer.encode("a<|endoftext|>ab"), (std::vector<int32_t>{0, 4, 2}));
  EXPECT_TRUE(tokenizer.is_special(2));
  EXPECT_THAT(tokenizer.notes(), testing::ElementsAre(HasSubstr(
                                     "t.json: 2 added tokens have ids that follow on the vocabulary, as in Hugging "
                                     "Face's tokenizers, and not those of the file: \"<|endoftext|>\" is 4, not 40")));
}

TEST(TokenizerFile, AddedTokensCountAsTheLastEntryHasThem) {
  Json json = small_tokenizer();
  json["added_tokens"].push_back({{"id", 5}, {"content", "<b>"}, {"lstrip", true}});
  json["added_tokens"].push_back({{"id", 6}, {"content", ""}});
  EXPECT_EQ(Tokenizer(json.dump(), "t.json").encode("a <b>"), (std::vector<int32_t>{0, 5}));
}

TEST(TokenizerFile, ErrorsNameTokensThatMergesDoNotKnow) {
  EXPECT_THAT(error_after([](Json& json) {
                json["model"]["merges"][0] = {"a", "c"};
              }),
              AllOf(HasSubstr("merges[0]"), HasSubstr("\"c\"")));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["merges"][1] = "b a"; }),
              AllOf(HasSubstr("merges[1]"), HasSubstr("\"ba\"")));
}

TEST(TokenizerFile, RefusesOtherKindsByName) {
  const auto refuses = [](const char* key, const Json& value) {
    EXPECT_THAT(error_after([&](Json& json) { json["model"][key] = value; }), HasSubstr(key));
  };
  refuses("dropout", 0.1);
  refuses("continuing_subword_prefix", "##");
  refuses("end_of_word_suffix", "</w>");
  refuses("unk_token", "a");  // most bytes have no token here, so it would be needed
  EXPECT_THAT(error_after([](Json& json) { json["model"]["byte_fallback"] = true; }),
              HasSubstr("decoder: the type \"ByteLevel\" is not supported with byte_fallback (Sequence is)"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["type"] = "Unigram"; }), HasSubstr("Unigram"));
  EXPECT_THAT(error_after([](Json& json) { json["normalizer"]["type"] = "Lowercase"; }), HasSubstr("Lowercase"));
  EXPECT_THAT(error_after([](Json& json) { json["decoder"]["type"] = "Metaspace"; }), HasSubstr("Metaspace"));
  EXPECT_THAT(error_after([](Json& json) { json["pre_tokenizer"]["pretokenizers"].erase(2); }), HasSubstr("ByteLevel"));
  EXPECT_THAT(error_after([](Json& json) {
                json["pre_tokenizer"]["pretokenizers"].push_back({{"type", "Digits"}});
              }),
              HasSubstr("pretokenizers[3]: \"Digits\" after ByteLevel"));
}

TEST(TokenizerFile, ErrorsNamePatternsThatDoNotCompile) {
  const auto with_pattern = [](const char* pattern) {
    return error_after([&](Json& json) {
      json["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {{"Regex", pattern}};
    });
  };
  for (const char* pattern :
       {"(", "[a", "a**", "\\", "\\p{Xx}", "[z-a]", "(?<n>a)\\k<n>", "a{2,1}", "(?R)", "(*ACCEPT)"}) {
    EXPECT_THAT(with_pattern(pattern), HasSubstr("pretokenizers[0]: pattern")) << pattern;
  }
}

TEST(TokenizerFile, DeepNestingIsAnError) {
  Json nested = small_tokenizer()["pre_tokenizer"];
  for (int depth = 0; depth < 100; ++depth) nested = {{"type", "Sequence"}, {"pretokenizers", Json::array({nested})}};
  EXPECT_THAT(error_after([&](Json& json) { json["pre_tokenizer"] = nested; }), HasSubstr("nested deeper"));
  EXPECT_THAT(loading_error(std::string(1'000'000, '[')), HasSubstr("t.json"));
}

// Whatever happens to the file: a tokenizer that works, or an Error.
void load_and_use(const std::string& text) {
  try {
    const Tokenizer tokenizer(text, "t.json");
    const auto ids = tokenizer.encode("aba 12 \xFF<|endoftext|> <b> cafe\u0301 zürich");
    for (const int32_t id : ids) ASSERT_LT(id, tokenizer.vocab_size());
    tokenizer.decode(ids, true);
  } catch (const Error&) {
  }
}

TEST(TokenizerFile, SurvivesTruncation) {
  const std::string text = small_tokenizer().dump();
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_NE(loading_error(text.substr(0, size)), "no error") << size;
  }
}

TEST(TokenizerFile, SurvivesFlippedBits) {
  const std::string text = small_tokenizer().dump();
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    load_and_use(damaged);
  }
}

TEST(TokenizerFile, SurvivesPiecesOfItselfInTheWrongPlaces) {
  const std::string text = small_tokenizer().dump();
  Random random(1);
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = text;
    for (uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
      const std::string piece = text.substr(random.below(text.size()), random.below(20));
      damaged.replace(random.below(damaged.size()), random.below(20), piece);
    }
    load_and_use(damaged);
  }
}

}  // namespace
}  // namespace t6
