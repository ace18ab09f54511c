#include "t6/text/tokenizer/tokenizer_json.h"

#include <utility>

#include "t6/core/error.h"
#include "t6/text/tokenizer/spelling.h"

namespace t6 {
namespace {

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Llama 3's with digits one by one.
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlamaCppMarks = R"([\p{P}\$\+<=>\^~\|]+)";
constexpr std::string_view kLlamaCppWords = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json sequence(std::initializer_list<Json> parts) {
  return {{"type", "Sequence"}, {"pretokenizers", Json::array_t(parts)}};
}

Json split(std::string_view pattern) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}

}  // namespace

TextPreparation text_preparation(const std::string& family) {
  if (family == "bytes") return {nullptr, byte_level(false)};
  if (family == "gpt2") return {nullptr, byte_level(true)};
  if (family == "llama3") return {nullptr, sequence({split(kLlama3Pattern), byte_level(false)})};
  if (family == "qwen2") return {{{"type", "NFC"}}, sequence({split(kQwen2Pattern), byte_level(false)})};
  if (family == "smollm2") {
    return {nullptr, sequence({{{"type", "Digits"}, {"individual_digits", true}}, byte_level(true)})};
  }
  if (family == "llama.cpp") {
    return {nullptr, sequence({split(kLlamaCppMarks), split(kLlamaCppWords), split(R"(\p{N}+)"),
                               split("[0-9][0-9][0-9]"), byte_level(false)})};
  }
  fail("no family is called \"{}\" (gpt2, llama3, qwen2, smollm2, llama.cpp and bytes are)", family);
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
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
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
