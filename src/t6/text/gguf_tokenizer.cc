#include "t6/text/gguf_tokenizer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/text/new_tokenizer.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

// Of tokenizer.ggml.token_type.
enum TokenType : int64_t { kUnknown = 2, kControl = 3, kUserDefined = 4 };

// What GGUF calls the ways to cut text, and the families of new_tokenizer.h that cut so.
struct PreTokenizerName {
  std::string_view name, family;
  bool whole_words = false;  // a word that is a token is not merged from its parts
  bool begins_text = false;  // adds the begin-of-text token unless the file says otherwise
};
constexpr PreTokenizerName kPreTokenizers[] = {{"gpt-2", "gpt2"},
                                               {"mpt", "gpt2"},
                                               {"olmo", "gpt2"},
                                               {"smollm", "smollm2"},
                                               {"starcoder", "smollm2"},
                                               {"refact", "smollm2"},
                                               {"command-r", "smollm2"},
                                               {"codeshell", "smollm2"},
                                               {"llama-bpe", "llama3", true, true},
                                               {"llama3", "llama3", true, true},
                                               {"llama-v3", "llama3", true, true},
                                               {"falcon3", "llama3", true, true},
                                               {"qwen2", "qwen2"},
                                               {"deepseek-r1-qwen", "qwen2"},
                                               {"default", "llama.cpp"}};

struct Token {
  std::string_view spelling;
  int64_t type;
};

std::vector<Token> read_tokens(const GgufFile& file) {
  const auto& spellings = file.strings("tokenizer.ggml.tokens");
  const auto types = file.integers("tokenizer.ggml.token_type");
  const std::string source = file.path().string();
  require(types.size() == spellings.size(), "{}: {} token types for {} tokens", source, types.size(), spellings.size());
  std::vector<Token> tokens;
  tokens.reserve(spellings.size());
  for (size_t i = 0; i < spellings.size(); ++i) {
    require(is_valid_utf8(spellings[i]), "{}: tokenizer.ggml.tokens[{}] is not UTF-8", source, i);
    tokens.push_back({spellings[i], types[i]});
  }
  return tokens;
}

std::optional<int64_t> token_id(const GgufFile& file, const std::string& name) {
  const std::string key = "tokenizer.ggml." + name + "_token_id";
  const JsonObject values = file.values();
  if (!values.has(key)) return std::nullopt;
  const auto count = static_cast<int64_t>(file.strings("tokenizer.ggml.tokens").size());
  return values.integer(key, 0, std::max<int64_t>(count - 1, 0));
}

const PreTokenizerName& pre_tokenizer(const GgufFile& file) {
  const std::string name = file.values().string_or("tokenizer.ggml.pre", "default");
  for (const PreTokenizerName& known : kPreTokenizers) {
    if (known.name == name) return known;
  }
  std::string names;
  for (const PreTokenizerName& known : kPreTokenizers) names += (names.empty() ? "" : ", ") + std::string(known.name);
  fail("{}: the pre-tokenizer \"{}\" (tokenizer.ggml.pre) is not supported; {} are", file.path().string(), name, names);
}

// A post-processor that puts a token before a text.
Json begin_of_text(std::string_view spelling, int64_t id) {
  const Json token = {{"SpecialToken", {{"id", spelling}, {"type_id", 0}}}};
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  return {{"type", "TemplateProcessing"},
          {"single", {token, text}},
          {"pair", {token, text}},
          {"special_tokens", {{spelling, {{"id", spelling}, {"ids", {id}}, {"tokens", {spelling}}}}}}};
}

}  // namespace

std::string gguf_tokenizer_json(const GgufFile& file) {
  const std::string source = file.path().string();
  const std::string kind = file.values().string("tokenizer.ggml.model");
  require(kind == "gpt2", "{}: the tokenizer \"{}\" (tokenizer.ggml.model) is not supported; gpt2 is", source, kind);
  const PreTokenizerName& pre = pre_tokenizer(file);
  const std::vector<Token> tokens = read_tokens(file);
  Json vocabulary = Json::object(), added = Json::array(), merges = Json::array();
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.type == kUnknown || token.type == kControl || token.type == kUserDefined) {
      added.push_back(added_token(token.spelling, static_cast<int64_t>(i), token.type != kUserDefined));
      continue;
    }
    const auto [entry, is_new] = vocabulary.emplace(token.spelling, i);
    require(is_new, "{}: the token {:?} is there twice, as {} and {}", source, std::string(token.spelling),
            entry->get<int64_t>(), i);
  }
  for (const std::string_view merge : file.strings("tokenizer.ggml.merges")) {
    require(is_valid_utf8(merge), "{}: tokenizer.ggml.merges[{}] is not UTF-8", source, merges.size());
    merges.push_back(merge);
  }
  TextPreparation preparation = text_preparation(std::string(pre.family));
  Json post_processor;
  const auto bos = token_id(file, "bos");
  if (bos && file.values().boolean_or("tokenizer.ggml.add_bos_token", pre.begins_text)) {
    post_processor = begin_of_text(tokens[static_cast<size_t>(*bos)].spelling, *bos);
  }
  return tokenizer_json({.preparation = std::move(preparation),
                         .vocabulary = std::move(vocabulary),
                         .merges = std::move(merges),
                         .added_tokens = std::move(added),
                         .post_processor = std::move(post_processor),
                         .ignore_merges = pre.whole_words})
      .dump();
}

TextSettings gguf_text_settings(const GgufFile& file) {
  TextSettings settings;
  const auto name = [&](std::optional<int64_t> id) {
    return id ? std::string(file.strings("tokenizer.ggml.tokens")[static_cast<size_t>(*id)]) : std::string();
  };
  settings.bos_token = name(token_id(file, "bos"));
  settings.eos_token = name(token_id(file, "eos"));
  // End of text, of a turn and of a message to a tool.
  for (const char* key : {"eos", "eot", "eom"}) {
    if (const auto id = token_id(file, key)) settings.end_of_text.push_back(static_cast<int32_t>(*id));
  }
  settings.chat_template = file.values().string_or("tokenizer.chat_template", "");
  require(is_valid_utf8(settings.chat_template), "{}: tokenizer.chat_template is not UTF-8", file.path().string());
  return settings;
}

}  // namespace t6
