#include "t6/text/gguf_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer/gguf_names.h"
#include "t6/text/tokenizer/merges_from_scores.h"
#include "t6/text/tokenizer/spelling.h"
#include "t6/text/tokenizer/tokenizer_json.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

// Longer than any real one (Llama's have 16 characters at most). A token of n characters may stand for n - 1 merges,
// each as long as the token: this bounds what a small file can cost.
constexpr size_t kLongestScoredToken = 256;

struct Token {
  std::string_view spelling;
  int64_t type;
};

// The keys of tokens with a part, as files name them.
constexpr const char* kTokenKeys[] = {"bos", "eos", "eot", "eom", "unknown", "padding"};

int64_t token_count(const GgufFile& file) { return static_cast<int64_t>(file.strings("tokenizer.ggml.tokens").size()); }

// Whether the file gives the token an id that is none: -1, or one beyond the vocabulary.
bool names_no_token(const GgufFile& file, std::string_view name) {
  const JsonObject values = file.values();
  const std::string key = gguf_token_key(name);
  if (!values.has(key)) return false;
  require(values.at(key).is_number_integer(), "{}: {:?} must be a whole number", values.source(), key);
  return values.at(key).is_number_unsigned()
             ? values.at(key).get<uint64_t>() >= static_cast<uint64_t>(token_count(file))
             : values.at(key).get<int64_t>() < 0 || values.at(key).get<int64_t>() >= token_count(file);
}

bool is_sentence_piece(const GgufFile& file) {
  const std::string kind = file.values().string_or("tokenizer.ggml.model", "");
  return kind == "llama" || kind == "gemma";
}

// An id that is none is passed over, as llama.cpp does, whose defaults for SentencePiece these are.
std::optional<int64_t> token_id(const GgufFile& file, std::string_view name) {
  const std::string key = gguf_token_key(name);
  if (file.values().has(key) && !names_no_token(file, name)) return file.values().at(key).get<int64_t>();
  const int64_t usual = name == "unknown" ? 0 : name == "bos" ? 1 : name == "eos" ? 2 : -1;
  if (usual >= 0 && usual < token_count(file) && is_sentence_piece(file)) return usual;
  return std::nullopt;
}

// Without types a token has the part that its id or its name tells.
std::vector<int64_t> token_types(const GgufFile& file, const std::vector<std::string_view>& spellings) {
  const std::string key = "tokenizer.ggml.token_type";
  std::vector<int64_t> types(spellings.size(), kNormal);
  if (file.has_array(key)) {
    types = file.integers(key);
    require(types.size() >= spellings.size(), "{}: {} token types for {} tokens", file.path().string(), types.size(),
            spellings.size());
    types.resize(spellings.size());
  } else {
    for (const char* name : kTokenKeys) {
      if (const auto id = token_id(file, name)) types[static_cast<size_t>(*id)] = kControl;
    }
  }
  for (size_t i = 0; i < types.size(); ++i) {
    if (is_gguf_end_name(spellings[i])) types[i] = kControl;
  }
  return types;
}

std::vector<Token> read_tokens(const GgufFile& file) {
  const auto& spellings = file.strings("tokenizer.ggml.tokens");
  const auto types = token_types(file, spellings);
  std::vector<Token> tokens;
  tokens.reserve(spellings.size());
  for (size_t i = 0; i < spellings.size(); ++i) {
    require(is_valid_utf8(spellings[i]), "{}: tokenizer.ggml.tokens[{}] is not UTF-8", file.path().string(), i);
    tokens.push_back({spellings[i], types[i]});
  }
  return tokens;
}

const GgufPreTokenizer& pre_tokenizer(const GgufFile& file) {
  const std::string name = file.values().string_or("tokenizer.ggml.pre", "default");
  for (const GgufPreTokenizer& known : gguf_pre_tokenizers()) {
    if (known.name == name) return known;
  }
  std::string names;
  for (const GgufPreTokenizer& known : gguf_pre_tokenizers())
    names += (names.empty() ? "" : ", ") + std::string(known.name);
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

// All of them, and those that are looked for in the text first: Hugging Face wants the latter in both.
struct Tokens {
  Json vocabulary = Json::object(), added = Json::array();
};

Tokens sort_tokens(const std::vector<Token>& tokens, const std::string& source) {
  Tokens sorted;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.spelling.empty()) continue;  // an id that no text has
    if (token.type == kUnknown || token.type == kControl || token.type == kUserDefined) {
      sorted.added.push_back(added_token(token.spelling, static_cast<int64_t>(i), token.type != kUserDefined));
    }
    const auto [entry, is_new] = sorted.vocabulary.emplace(token.spelling, i);
    require(is_new, "{}: the token {:?} is there twice, as {} and {}", source, std::string(token.spelling),
            entry->get<int64_t>(), i);
  }
  return sorted;
}

// Bytes without a token would be lost from texts without a word.
void require_bytes(const Json& vocabulary, const std::string& source) {
  for (int byte = 0; byte < 256; ++byte) {
    require(vocabulary.contains(byte_token(byte)), "{}: no token is {:?}", source, byte_token(byte));
  }
}

NewTokenizer byte_level_tokenizer(const GgufFile& file) {
  const GgufPreTokenizer& pre = pre_tokenizer(file);
  NewTokenizer out{.preparation = text_preparation(std::string(pre.family)), .ignore_merges = pre.whole_words};
  for (const std::string_view merge : file.strings("tokenizer.ggml.merges")) {
    require(is_valid_utf8(merge), "{}: tokenizer.ggml.merges[{}] is not UTF-8", file.path().string(),
            out.merges.size());
    out.merges.push_back(merge);
  }
  return out;
}

NewTokenizer sentence_piece_tokenizer(const GgufFile& file, const std::vector<Token>& tokens) {
  const std::string source = file.path().string();
  const auto scores = file.numbers("tokenizer.ggml.scores");
  require(scores.size() >= tokens.size(), "{}: {} scores for {} tokens", source, scores.size(), tokens.size());
  std::vector<ScoredToken> scored;
  for (size_t i = 0; i < tokens.size(); ++i) {
    require(!std::isnan(scores[i]), "{}: tokenizer.ggml.scores[{}] is not a number", source, i);
    if (tokens[i].type != kNormal) continue;
    require(tokens[i].spelling.size() <= kLongestScoredToken,
            "{}: tokenizer.ggml.tokens[{}] has {} bytes, more than {}", source, i, tokens[i].spelling.size(),
            kLongestScoredToken);
    scored.push_back({tokens[i].spelling, scores[i]});
  }
  const bool space_prefix = file.values().boolean_or("tokenizer.ggml.add_space_prefix", true);
  return {.preparation = sentence_piece_preparation(space_prefix), .merges = merges_from_scores(scored)};
}

}  // namespace

std::string gguf_tokenizer_json(const GgufFile& file) {
  const std::string source = file.path().string();
  const std::string kind = file.values().string("tokenizer.ggml.model");
  const bool sentence_piece = is_sentence_piece(file);
  require(kind == "gpt2" || sentence_piece,
          "{}: the tokenizer \"{}\" (tokenizer.ggml.model) is not supported; gpt2, llama and gemma are", source, kind);
  const std::vector<Token> tokens = read_tokens(file);
  NewTokenizer out = sentence_piece ? sentence_piece_tokenizer(file, tokens) : byte_level_tokenizer(file);
  Tokens sorted = sort_tokens(tokens, source);
  if (sentence_piece) require_bytes(sorted.vocabulary, source);
  out.vocabulary = std::move(sorted.vocabulary);
  out.added_tokens = std::move(sorted.added);
  const bool begins_text = sentence_piece || pre_tokenizer(file).begins_text;
  const auto bos = token_id(file, "bos");
  if (bos && file.values().boolean_or("tokenizer.ggml.add_bos_token", begins_text)) {
    out.post_processor = begin_of_text(tokens[static_cast<size_t>(*bos)].spelling, *bos);
  }
  return tokenizer_json(std::move(out)).dump();
}

std::vector<std::string> gguf_tokenizer_notes(const GgufFile& file) {
  std::string keys;
  for (const char* name : kTokenKeys) {
    if (names_no_token(file, name)) keys.append(keys.empty() ? "" : ", ").append(gguf_token_key(name));
  }
  if (keys.empty()) return {};
  return {fmt::format("{}: no token has the id that these keys give, which are passed over: {}", file.path().string(),
                      keys)};
}

TextSettings gguf_text_settings(const GgufFile& file) {
  TextSettings settings;
  const auto name = [&](std::optional<int64_t> id) {
    return id ? std::string(file.strings("tokenizer.ggml.tokens")[static_cast<size_t>(*id)]) : std::string();
  };
  settings.bos_token = name(token_id(file, "bos"));
  settings.eos_token = name(token_id(file, "eos"));
  for (const auto& [key, token] : {std::pair("unknown", "unk_token"), std::pair("padding", "pad_token")}) {
    if (const auto id = token_id(file, key)) settings.other_tokens[token] = name(id);
  }
  // End of text, of a turn and of a message to a tool.
  for (const char* key : {"eos", "eot", "eom"}) {
    if (const auto id = token_id(file, key)) settings.end_of_text.push_back(static_cast<int32_t>(*id));
  }
  const auto& tokens = file.strings("tokenizer.ggml.tokens");
  for (size_t id = 0; id < tokens.size(); ++id) {
    const auto end = static_cast<int32_t>(id);
    const bool known = std::ranges::count(settings.end_of_text, end) > 0;
    if (!known && is_gguf_end_name(tokens[id])) settings.end_of_text.push_back(end);
  }
  settings.sampling = gguf_sampling(file.values());
  settings.chat_template = file.values().string_or("tokenizer.chat_template", "");
  require(is_valid_utf8(settings.chat_template), "{}: tokenizer.chat_template is not UTF-8", file.path().string());
  return settings;
}

}  // namespace t6
