#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer.h"
#include "t6/text/tokenizer/spelling.h"
#include "t6/text/tokenizer/tokenizer_json.h"
#include "tests/error_of.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int32_t kSpecial = 256, kMark = 257, kA = 258, kB = 259, kMarkA = 260, kAb = 261, kMarkAb = 262, kMarks = 263;

Json merges() { return Json::array({{"a", "b"}, {"▁", "ab"}, {"▁", "a"}, {"▁", "▁"}}); }

// Ids 0 to 255 are bytes; then <s> and a few pieces of words.
NewTokenizer pieces(bool space_prefix = true) {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) vocabulary[byte_token(byte)] = byte;
  int32_t id = kSpecial;
  for (const char* piece : {"<s>", "▁", "a", "b", "▁a", "ab", "▁ab", "▁▁"}) vocabulary[piece] = id++;
  return {.preparation = sentence_piece_preparation(space_prefix),
          .vocabulary = std::move(vocabulary),
          .merges = merges(),
          .added_tokens = Json::array({added_token("<s>", kSpecial, true)})};
}

std::vector<int32_t> encode(const Json& json, std::string_view text) {
  return Tokenizer(json.dump(), "t.json").encode(text);
}

TEST(SentencePiece, MergesCharactersAndFallsBackToBytes) {
  const Json json = tokenizer_json(pieces());
  EXPECT_THAT(encode(json, "ab a"), ElementsAre(kMarkAb, kMarkA));
  EXPECT_THAT(encode(json, "a  b"), ElementsAre(kMarkA, kMarks, kB));
  EXPECT_THAT(encode(json, "é\n"), ElementsAre(kMark, 0xC3, 0xA9, '\n'));
  EXPECT_THAT(encode(json, "\xff"), ElementsAre(kMark, 0xEF, 0xBF, 0xBD));
  EXPECT_THAT(encode(json, ""), ElementsAre());
  EXPECT_THAT(encode(json, "<0x41>"), ElementsAre(kMark, '<', '0', 'x', '4', '1', '>'));
}

TEST(SentencePiece, PutsASpaceBeforeEachTextBetweenAddedTokens) {
  EXPECT_THAT(encode(tokenizer_json(pieces()), "a<s>a"), ElementsAre(kMarkA, kSpecial, kMarkA));
  EXPECT_THAT(encode(tokenizer_json(pieces(false)), "a<s>a"), ElementsAre(kA, kSpecial, kA));
}

TEST(SentencePiece, KnowsMetaspacesSchemes) {
  const auto with_scheme = [](const char* scheme) {
    Json json = tokenizer_json(pieces());
    json["normalizer"] = nullptr;
    json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", scheme}, {"split", false}};
    return json;
  };
  EXPECT_THAT(encode(with_scheme("always"), "a<s>a a"), ElementsAre(kMarkA, kSpecial, kMarkA, kMarkA));
  EXPECT_THAT(encode(with_scheme("first"), "a<s>a a"), ElementsAre(kMarkA, kSpecial, kA, kMarkA));
  EXPECT_THAT(encode(with_scheme("first"), "<s>a"), ElementsAre(kSpecial, kA));
  EXPECT_THAT(encode(with_scheme("never"), "a<s>a a"), ElementsAre(kA, kSpecial, kA, kMarkA));
  EXPECT_THAT(error_of([&] { encode(with_scheme("last"), "a"); }), HasSubstr("unknown \"prepend_scheme\" \"last\""));
}

TEST(SentencePiece, PutsNoSpaceBeforeATextThatGoesOn) {
  const auto further = [](const Json& json, std::string_view text) {
    std::vector<int32_t> ids;
    Tokenizer(json.dump(), "t.json").encode_further(text, ids);
    return ids;
  };
  Json metaspace = tokenizer_json(pieces());
  metaspace["normalizer"] = nullptr;
  metaspace["pre_tokenizer"] = {{"type", "Metaspace"}, {"prepend_scheme", "always"}};
  for (const Json& json : {tokenizer_json(pieces()), metaspace}) {
    EXPECT_THAT(further(json, "a"), ElementsAre(kA));
    EXPECT_THAT(further(json, " a"), ElementsAre(kMarkA));
    EXPECT_THAT(further(json, "a<s>a"), ElementsAre(kA, kSpecial, kMarkA));
    EXPECT_THAT(further(json, "<s>a"), ElementsAre(kSpecial, kMarkA));
  }
}

TEST(SentencePiece, TakesNoBytesForCharactersWhereNothingElseLooksAtThem) {
  Json json = tokenizer_json(pieces());
  json["normalizer"] = nullptr;
  json["model"]["vocab"]["b▁"] = 264;  // so that words are not cut
  json["model"]["vocab"]["ÿ"] = 265;
  EXPECT_THAT(encode(json,
                     "a\xff"
                     "ÿ"),
              ElementsAre(kA, 0xEF, 0xBF, 0xBD, 265));
}

TEST(SentencePiece, MergesAcrossWordsWhereATokenDoes) {
  Json json = tokenizer_json(pieces());
  json["model"]["vocab"]["b▁"] = 264;
  json["model"]["merges"].insert(json["model"]["merges"].begin(), Json::array({"b", "▁"}));
  EXPECT_THAT(encode(json, "ab a"), ElementsAre(kMarkA, 264, kA));
}

TEST(SentencePiece, DecodesToWhatWasEncoded) {
  const auto tokenizer = std::make_shared<const Tokenizer>(tokenizer_json(pieces()).dump(), "t.json");
  for (const std::string text : {"ab a", "  a", "é\n 😀", "a<s>", ""}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text), false), text);
  }
  const Tokenizer plain(tokenizer_json(pieces(false)).dump(), "t.json");
  EXPECT_EQ(plain.decode(plain.encode(" a"), false), " a");
  // As a continuation, the space belongs to the text.
  StreamDecoder decoder(tokenizer, false);
  EXPECT_EQ(decoder.push(kMarkAb), " ab");
  EXPECT_EQ(decoder.push(0xC3), "");
  EXPECT_EQ(decoder.push(0xA9), "é");
  EXPECT_EQ(decoder.push(0xE2), "");
  EXPECT_EQ(decoder.push(kMarkA), "\uFFFD a");
  EXPECT_EQ(decoder.push(0xF0), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
}

TEST(SentencePiece, NeedsAllBytesAndItsOwnParts) {
  const auto error = [](auto change) {
    Json json = tokenizer_json(pieces());
    change(json);
    return error_of([&] { Tokenizer(json.dump(), "t.json"); });
  };
  EXPECT_THAT(error([](Json& json) {
                json["model"]["unk_token"] = "<s>";
                json["model"]["vocab"].erase("<0x0A>");
                json["model"]["vocab"]["\n"] = 10;
              }),
              HasSubstr("no token is \"<0x0A>\" (byte 0x0a)"));
  EXPECT_THAT(error([](Json& json) {
                json["normalizer"]["normalizers"][1]["pattern"] = {{"Regex", " "}};
              }),
              HasSubstr("normalizers[1]: pattern: the key \"String\" is missing"));
  EXPECT_THAT(error([](Json& json) { json["normalizer"]["normalizers"][1]["pattern"]["String"] = ""; }),
              HasSubstr("\"pattern\" is empty"));
  EXPECT_THAT(error([](Json& json) { json["decoder"]["decoders"][3]["start"] = 2; }),
              HasSubstr("decoders[3] is not supported; wanted are Replace"));
  EXPECT_THAT(error([](Json& json) { json["decoder"]["decoders"][0]["content"] = "_"; }),
              HasSubstr("decoders[0] is not"));
  EXPECT_THAT(error([](Json& json) { json["decoder"]["decoders"].erase(2); }), HasSubstr("decoders[2] is not"));
  EXPECT_THAT(error([](Json& json) { json["decoder"]["decoders"] = {json["decoder"]["decoders"][0]}; }),
              HasSubstr("1 decoders; wanted are Replace"));
  EXPECT_THAT(error([](Json& json) { json["decoder"] = {{"type", "Metaspace"}}; }), HasSubstr("\"Metaspace\""));
  EXPECT_THAT(error([](Json& json) {
                json["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
              }),
              HasSubstr("ByteLevel does not go with byte_fallback"));
}

}  // namespace
}  // namespace t6
