#include "t6/text/tokenizer/tokenizer_json.h"

#include <array>
#include <utility>

#include "t6/core/error.h"
#include "t6/text/tokenizer/spelling.h"

namespace t6 {
namespace {

// Longer than any real one; it bounds what looking for tokens can cost at each place of a text.
constexpr size_t kLongestAddedToken = 4096;

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Llama 3's with digits one by one.
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlamaCppMarks = R"([\p{P}\$\+<=>\^~\|]+)";
constexpr std::string_view kLlamaCppWords = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";
constexpr std::string_view kTekkenPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4oPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Qwen2's without line ends after marks.
constexpr std::string_view kSeedCoderPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Letters of scripts that have upper and lower case, as DeepSeek LLM lists them.
constexpr std::string_view kDeepSeekLetters =
    R"(\s?[)"
    R"(A-Za-z\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf}\x{1c4}-\x{293}\x{295}-\x{2af})"
    R"(\x{370}-\x{373}\x{376}\x{377}\x{37b}-\x{37d}\x{37f}\x{386}\x{388}-\x{38a}\x{38c}\x{38e}-\x{3a1})"
    R"(\x{3a3}-\x{3f5}\x{3f7}-\x{481}\x{48a}-\x{52f}\x{531}-\x{556}\x{10a0}-\x{10c5}\x{13a0}-\x{13f5})"
    R"(\x{13f8}-\x{13fd}\x{1c90}-\x{1cba}\x{1cbd}-\x{1cbf}\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a})"
    R"(\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d}\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d}\x{1f50}-\x{1f57}\x{1f59}\x{1f5b})"
    R"(\x{1f5d}\x{1f5f}-\x{1f7d}\x{1f80}-\x{1fb4}\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4}\x{1fc6}-\x{1fcc})"
    R"(\x{1fd0}-\x{1fd3}\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4}\x{1ff6}-\x{1ffc}\x{2102}\x{2107})"
    R"(\x{210a}-\x{2113}\x{2115}\x{2119}-\x{211d}\x{2124}\x{2126}\x{2128}\x{212a}-\x{212d}\x{212f}-\x{2134})"
    R"(\x{2139}\x{213c}-\x{213f}\x{2145}-\x{2149}\x{214e}\x{2183}\x{2184}\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4})"
    R"(\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3}\x{a640}-\x{a66d}\x{a680}-\x{a69b}\x{a722}-\x{a76f}\x{a771}-\x{a787})"
    R"(\x{a78b}-\x{a78e}\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}\x{fb13}-\x{fb17}\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a})"
    R"(\x{10400}-\x{1044f}\x{104b0}-\x{104d3}\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2})"
    R"(\x{118a0}-\x{118df}\x{1e900}-\x{1e943})"
    R"(]+)";
constexpr std::string_view kDeepSeekMarks =
    R"(\s?[!-/:-~\x{ff01}-\x{ff0f}\x{ff1a}-\x{ff5e}\x{2018}-\x{201f}\x{3000}-\x{3002}]+)";
// Chinese characters, Japanese syllables and Korean ones, with all that lies between.
constexpr std::string_view kDeepSeekCharacters = R"([\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+)";
constexpr std::string_view kDeepSeek3Characters = R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)";
constexpr std::string_view kDeepSeek3Pattern =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Families that cut with these patterns, one after the other.
struct Family {
  std::string_view name;
  std::array<std::string_view, 6> patterns;  // empty ones at the end are none
  bool composes = false;                     // to NFC first
};
constexpr Family kFamilies[] = {
    {"llama3", {kLlama3Pattern}},
    {"qwen2", {kQwen2Pattern}, true},
    {"tekken", {kTekkenPattern}},
    {"gpt-4o", {kGpt4oPattern}},
    {"seed-coder", {kSeedCoderPattern}},
    {"deepseek-llm", {R"([\r\n])", kDeepSeekLetters, kDeepSeekMarks, R"(\s+$)", kDeepSeekCharacters, R"(\p{N}+)"}},
    {"deepseek-coder", {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepSeekCharacters, R"(\p{N})"}},
    {"deepseek-v3", {R"(\p{N}{1,3})", kDeepSeek3Characters, kDeepSeek3Pattern}},
    {"llama.cpp", {kLlamaCppMarks, kLlamaCppWords, R"(\p{N}+)", "[0-9][0-9][0-9]"}}};

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json sequence(std::initializer_list<Json> parts) {
  return {{"type", "Sequence"}, {"pretokenizers", Json::array_t(parts)}};
}

Json split(std::string_view pattern) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}

TextPreparation preparation_of(const Family& family) {
  Json steps = Json::array();
  for (const std::string_view pattern : family.patterns) {
    if (!pattern.empty()) steps.push_back(split(pattern));
  }
  steps.push_back(byte_level(false));
  TextPreparation out = {nullptr, {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}};
  if (family.composes) out.normalizer = {{"type", "NFC"}};
  return out;
}

}  // namespace

TextPreparation text_preparation(const std::string& family) {
  if (family == "bytes") return {nullptr, byte_level(false)};
  if (family == "gpt2") return {nullptr, byte_level(true)};
  if (family == "smollm2") {
    return {nullptr, sequence({{{"type", "Digits"}, {"individual_digits", true}}, byte_level(true)})};
  }
  for (const Family& known : kFamilies) {
    if (known.name == family) return preparation_of(known);
  }
  fail(
      "no family is called \"{}\" (gpt2, llama3, qwen2, smollm2, tekken, gpt-4o, seed-coder, deepseek-llm, "
      "deepseek-coder, "
      "deepseek-v3, llama.cpp and bytes are)",
      family);
}

TextPreparation sentence_piece_preparation(bool space_prefix) {
  const Json to_marks = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpaceMark}};
  const Json to_spaces = {{"type", "Replace"}, {"pattern", {{"String", kSpaceMark}}}, {"content", " "}};
  const Json prepend = {{"type", "Prepend"}, {"prepend", kSpaceMark}};
  const Json strip = {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}};
  Json normalizers = Json::array({to_marks});
  Json decoders = Json::array({to_spaces, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (space_prefix) {
    normalizers = Json::array({prepend, to_marks});
    decoders.push_back(strip);
  }
  return {.normalizer = {{"type", "Sequence"}, {"normalizers", std::move(normalizers)}},
          .pre_tokenizer = nullptr,
          .decoder = {{"type", "Sequence"}, {"decoders", std::move(decoders)}},
          .byte_fallback = true};
}

Json added_token(std::string_view content, int64_t id, bool special) {
  return added_token({.id = static_cast<int32_t>(id), .content = std::string(content), .special = special});
}

Json added_token(const AddedToken& token) {
  return {{"id", token.id},          {"content", token.content}, {"single_word", token.single_word},
          {"lstrip", token.lstrip},  {"rstrip", token.rstrip},   {"normalized", token.normalized},
          {"special", token.special}};
}

AddedToken added_token_from_json(const JsonObject& entry) {
  AddedToken token;
  token.content = entry.string("content");
  require(token.content.size() <= kLongestAddedToken, "{}: \"content\" has {} bytes, more than {}", entry.source(),
          token.content.size(), kLongestAddedToken);
  token.special = entry.boolean_or("special", false);
  token.single_word = entry.boolean_or("single_word", false);
  token.lstrip = entry.boolean_or("lstrip", false);
  token.rstrip = entry.boolean_or("rstrip", false);
  token.normalized = entry.boolean_or("normalized", !token.special);
  return token;
}

Json tokenizer_json(NewTokenizer parts) {
  Json model = {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", nullptr},
                {"continuing_subword_prefix", nullptr},
                {"end_of_word_suffix", nullptr},
                {"fuse_unk", false},
                {"byte_fallback", parts.preparation.byte_fallback},
                {"ignore_merges", parts.ignore_merges},
                {"vocab", std::move(parts.vocabulary)},
                {"merges", std::move(parts.merges)}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(parts.added_tokens)},
          {"normalizer", std::move(parts.preparation.normalizer)},
          {"pre_tokenizer", std::move(parts.preparation.pre_tokenizer)},
          {"post_processor", std::move(parts.post_processor)},
          {"decoder", std::move(parts.preparation.decoder)},
          {"model", std::move(model)}};
}

}  // namespace t6
