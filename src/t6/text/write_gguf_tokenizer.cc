#include "t6/text/write_gguf_tokenizer.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer.h"
#include "t6/text/tokenizer/gguf_names.h"
#include "t6/text/tokenizer/merges_from_scores.h"
#include "t6/text/tokenizer/spelling.h"
#include "t6/text/tokenizer/tokenizer_json.h"
#include "t6/text/write_gguf_sampling.h"

namespace t6 {
namespace {

// A part of a tokenizer.json without what changes nothing, so that two that do the same are equal.
Json plain_part(Json part) {
  if (!part.is_object()) return part;
  part.erase("trim_offsets");
  if (part.contains("type") && part["type"] == "ByteLevel") part.emplace("use_regex", true);
  if (part.contains("type") && part["type"] == "Split") part.emplace("invert", false);
  for (const char* key : {"pretokenizers", "normalizers"}) {
    if (!part.contains(key) || !part[key].is_array()) continue;
    for (Json& step : part[key]) step = plain_part(step);
    if (part[key].size() == 1) return Json(part[key][0]);
  }
  return part;
}

Json part_of(const Json& file, const char* key) { return file.contains(key) ? plain_part(file[key]) : Json(); }

bool prepares_so(const Json& file, const TextPreparation& preparation) {
  return part_of(file, "normalizer") == plain_part(preparation.normalizer) &&
         part_of(file, "pre_tokenizer") == plain_part(preparation.pre_tokenizer);
}

// The two halves of a merge, in either of tokenizer.json's spellings.
std::pair<std::string, std::string> halves_of(const Json& merge) {
  if (!merge.is_string()) return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  const std::string text = merge.get<std::string>();
  const size_t space = text.find(' ');
  return {text.substr(0, space), text.substr(space + 1)};
}

class Writer {
 public:
  Writer(GgufWriter& file, const std::string& text, const TextSettings& settings, int64_t rows, std::string source)
      : file_(file),
        tokenizer_(text, source),
        json_(parse_json(text, source)),
        settings_(settings),
        rows_(rows),
        source_(std::move(source)) {}

  std::vector<std::string> write();

 private:
  std::optional<bool> space_prefix() const;
  void write_tokens();
  void find_added_tokens();
  GgufTokenType type_of(int32_t id) const;
  bool model_flag(const char* key) const { return JsonObject(json_["model"], source_).boolean_or(key, false); }
  const Json& merges() const;
  std::string_view pre_tokenizer() const;
  void write_byte_level();
  void write_sentence_pieces(bool space_prefix);
  std::vector<float> scores() const;
  void write_prefix();
  void write_ends();
  void write_id(std::string_view name, int32_t id) { file_.add(gguf_token_key(name), static_cast<uint32_t>(id)); }

  GgufWriter& file_;
  Tokenizer tokenizer_;
  Json json_;
  const TextSettings& settings_;
  int64_t rows_;
  std::string source_;
  std::vector<std::string> notes_;
  std::unordered_map<int32_t, GgufTokenType> added_;
  std::vector<std::string> spellings_;
  std::vector<int32_t> types_;
};

std::vector<std::string> Writer::write() {
  require(tokenizer_.vocab_size() <= rows_,
          "{}: the tokenizer has {} tokens and the model {} rows of embeddings; GGUF wants a row for each token",
          source_, tokenizer_.vocab_size(), rows_);
  find_added_tokens();
  const auto pieces = space_prefix();
  file_.add("tokenizer.ggml.model", pieces ? "llama" : "gpt2");
  write_tokens();
  if (pieces) {
    write_sentence_pieces(*pieces);
  } else {
    write_byte_level();
  }
  write_prefix();
  write_ends();
  if (!settings_.chat_template.empty()) file_.add("tokenizer.chat_template", settings_.chat_template);
  for (const std::string& note : add_gguf_sampling(settings_.sampling, file_)) notes_.push_back(source_ + ": " + note);
  return notes_;
}

// Whether SentencePiece puts a space before a text; nothing for a tokenizer over bytes.
std::optional<bool> Writer::space_prefix() const {
  for (const bool prefix : {true, false}) {
    if (model_flag("byte_fallback") && prepares_so(json_, sentence_piece_preparation(prefix))) return prefix;
  }
  return std::nullopt;
}

void Writer::find_added_tokens() {
  if (!json_.contains("added_tokens")) return;
  for (const Json& entry : json_["added_tokens"]) {
    const AddedToken token = added_token_from_json(JsonObject(entry, source_));
    const auto id = tokenizer_.id_of(token.content);
    if (!id) continue;  // one without a text
    require(!token.single_word && !token.lstrip && !token.rstrip,
            "{}: the token {:?} takes white space along or is a whole word only, which GGUF cannot say", source_,
            token.content);
    added_[*id] = token.special ? GgufTokenType::kControl : GgufTokenType::kUserDefined;
  }
}

GgufTokenType Writer::type_of(int32_t id) const {
  const auto added = added_.find(id);
  return added == added_.end() ? GgufTokenType::kNormal : added->second;
}

void Writer::write_tokens() {
  for (int32_t id = 0; id < rows_; ++id) {
    std::string spelling(tokenizer_.token(id));
    GgufTokenType type = type_of(id);
    if (spelling.empty()) {
      spelling = fmt::format("[PAD{}]", id);
      while (tokenizer_.id_of(spelling)) spelling += "_";
      type = GgufTokenType::kUnused;
    }
    spellings_.push_back(std::move(spelling));
    types_.push_back(type);
  }
  file_.add("tokenizer.ggml.tokens", std::span<const std::string>(spellings_));
}

const Json& Writer::merges() const {
  static const Json none = Json::array();
  return json_["model"].contains("merges") && json_["model"]["merges"].is_array() ? json_["model"]["merges"] : none;
}

std::string_view Writer::pre_tokenizer() const {
  const bool whole_words = model_flag("ignore_merges");
  for (const GgufPreTokenizer& known : gguf_pre_tokenizers()) {
    const bool same = known.whole_words == whole_words;
    if (same && prepares_so(json_, text_preparation(std::string(known.family)))) return known.name;
  }
  // Single bytes come out of any cuts.
  if (merges().empty() && !whole_words && prepares_so(json_, text_preparation("bytes"))) return "gpt-2";
  fail("{}: the way in which this tokenizer cuts text has no name in GGUF (tokenizer.ggml.pre)", source_);
}

void Writer::write_byte_level() {
  file_.add("tokenizer.ggml.pre", pre_tokenizer());
  file_.add("tokenizer.ggml.token_type", std::span<const int32_t>(types_));
  std::vector<std::string> list;
  for (const Json& merge : merges()) {
    const auto [left, right] = halves_of(merge);
    list.push_back(left + " " + right);
  }
  file_.add("tokenizer.ggml.merges", std::span<const std::string>(list));
}

// A token's score is the place of the first merge that makes it. Whether all merges follow from that is looked at.
std::vector<float> Writer::scores() const {
  std::unordered_map<std::string, float> places;
  Json wanted = Json::array();
  for (const Json& merge : merges()) {
    const auto [left, right] = halves_of(merge);
    places.emplace(left + right, -static_cast<float>(places.size() + 1));
    wanted.push_back({left, right});
  }
  std::vector<float> scores;
  std::vector<ScoredToken> scored;
  for (size_t id = 0; id < spellings_.size(); ++id) {
    const auto place = places.find(spellings_[id]);
    scores.push_back(place == places.end() ? 0 : place->second);
    if (types_[id] == GgufTokenType::kNormal) scored.push_back({spellings_[id], scores.back()});
  }
  require(merges_from_scores(scored) == wanted,
          "{}: the tokenizer's merges are not those that scores of its tokens give, which GGUF has in their place",
          source_);
  return scores;
}

void Writer::write_sentence_pieces(bool space_prefix) {
  for (int byte = 0; byte < 256; ++byte) {
    if (const auto id = tokenizer_.id_of(byte_token(byte))) types_[static_cast<size_t>(*id)] = GgufTokenType::kByte;
  }
  const auto unknown = settings_.other_tokens.find("unk_token");
  if (unknown != settings_.other_tokens.end()) {
    if (const auto id = tokenizer_.id_of(unknown->second)) {
      types_[static_cast<size_t>(*id)] = GgufTokenType::kUnknown;
    }
  }
  const std::vector<float> list = scores();
  file_.add("tokenizer.ggml.token_type", std::span<const int32_t>(types_));
  file_.add("tokenizer.ggml.scores", std::span<const float>(list));
  file_.add("tokenizer.ggml.add_space_prefix", space_prefix);
}

void Writer::write_prefix() {
  const std::vector<int32_t>& prefix = tokenizer_.prefix();
  require(prefix.size() <= 1, "{}: {} tokens come before a text, and GGUF has a key for one", source_, prefix.size());
  file_.add("tokenizer.ggml.add_bos_token", !prefix.empty());
  const auto named = tokenizer_.id_of(settings_.bos_token);
  if (!prefix.empty()) {
    write_id("bos", prefix[0]);
  } else if (named) {
    write_id("bos", *named);
  }
}

// llama.cpp knows further ends by their names.
void Writer::write_ends() {
  std::vector<int32_t> ends = settings_.end_of_text;
  if (ends.empty() && tokenizer_.end_of_text()) ends.push_back(*tokenizer_.end_of_text());
  if (const auto named = tokenizer_.id_of(settings_.eos_token)) {
    std::erase(ends, *named);
    ends.insert(ends.begin(), *named);
  }
  static constexpr const char* kKeys[] = {"eos", "eot", "eom"};
  size_t used = 0;
  for (const int32_t id : ends) {
    require(id >= 0 && id < rows_, "{}: the id {} ends a text, and the model has {}", source_, id, rows_);
    if (used > 0 && is_gguf_end_name(spellings_[static_cast<size_t>(id)])) continue;
    if (used == std::size(kKeys)) {
      notes_.push_back(fmt::format("{}: GGUF has no key for a fourth token that ends a text, {}", source_, id));
      break;
    }
    write_id(kKeys[used++], id);
  }
  for (const auto& [name, key] : {std::pair("unk_token", "unknown"), std::pair("pad_token", "padding")}) {
    const auto token = settings_.other_tokens.find(name);
    if (token == settings_.other_tokens.end()) continue;
    if (const auto id = tokenizer_.id_of(token->second)) write_id(key, *id);
  }
}

}  // namespace

std::vector<std::string> add_gguf_tokenizer(GgufWriter& file, const std::string& tokenizer_json,
                                            const TextSettings& settings, int64_t rows, const std::string& source) {
  return Writer(file, tokenizer_json, settings, rows, source).write();
}

}  // namespace t6
