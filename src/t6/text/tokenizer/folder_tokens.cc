#include "t6/text/tokenizer/folder_tokens.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/text/tokenizer/tokenizer_json.h"

namespace t6 {
namespace {

// Of transformers' SPECIAL_TOKENS_ATTRIBUTES: its order, in which tokens that are new get their ids.
constexpr const char* kNamedTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};

AddedToken special_token(std::string content) { return {.content = std::move(content), .special = true}; }

bool is_named(std::string_view key) {
  return std::find(std::begin(kNamedTokens), std::end(kNamedTokens), key) != std::end(kNamedTokens);
}

// Of a text or an object that describes it; nothing for anything else.
std::optional<AddedToken> given_token(const Json& value, const std::string& source) {
  if (value.is_string()) return special_token(value.get<std::string>());
  if (!value.is_object()) return std::nullopt;
  AddedToken token = added_token_from_json(JsonObject(value, source));
  if (!value.contains("normalized")) token.normalized = false;
  token.special = true;
  return token;
}

// An optional file.
Json read_or_empty(const std::filesystem::path& path) {
  Json json = path_exists(path) ? read_json(path) : Json::object();
  require(json.is_object(), "{}: wanted a JSON object", path.string());
  return json;
}

class FolderTokens {
 public:
  FolderTokens(Json& tokenizer, const std::filesystem::path& folder)
      : tokenizer_(tokenizer), source_((folder / kTokenizerFile).string()), ids_(vocabulary().size()) {
    for (const Json& entry : tokenizer_.at("added_tokens")) {
      const JsonObject object(entry, source_ + ": added_tokens");
      told_.emplace_back(object.integer("id", 0, kLargestId), added_token_from_json(object));
      put(told_.back().second);
    }
    const Json told = added_tokens();
    read_files(folder);
    for (AddedToken& token : new_tokens()) put(std::move(token));
    changed_ = added_tokens() != told;
  }

  bool changed() const { return changed_; }
  Json added_tokens() const {
    Json list = Json::array();
    for (AddedToken token : tokens_) {
      token.special = special_.contains(token.content);
      list.push_back(added_token(token));
    }
    return list;
  }

 private:
  static constexpr int64_t kLargestId = std::numeric_limits<int32_t>::max();

  const Json& vocabulary() const { return tokenizer_.at("model").at("vocab"); }
  AddedToken* find(const std::string& content) {
    const auto found = places_.find(content);
    return found == places_.end() ? nullptr : &tokens_[found->second];
  }

  // Adds a token, or describes one anew that is there.
  void put(AddedToken token) {
    if (token.content.empty()) return;
    if (token.special) special_.insert(token.content);
    if (AddedToken* known = find(token.content)) {
      token.id = known->id;
      *known = std::move(token);
      return;
    }
    const auto entry = vocabulary().find(token.content);
    const bool in_vocabulary = entry != vocabulary().end() && entry->is_number_integer();
    token.id = static_cast<int32_t>(in_vocabulary ? entry->get<int64_t>() : ids_.next());
    ids_.take(token.id);
    places_.emplace(token.content, tokens_.size());
    tokens_.push_back(std::move(token));
  }
  void read_config(const JsonObject& config);
  void read_special_tokens_map(const JsonObject& map);
  void read_added_tokens_file(const JsonObject& file);
  void read_files(const std::filesystem::path& folder);
  std::vector<AddedToken> new_tokens();
  void name(const std::string& key, const Json& value, const std::string& source);
  void add_extra(const Json& list, const std::string& source);

  Json& tokenizer_;
  std::string source_;
  AddedTokenIds ids_;
  std::vector<AddedToken> tokens_;
  std::map<std::string, size_t> places_;              // in tokens_, by content
  std::vector<std::pair<int64_t, AddedToken>> told_;  // by tokenizer.json, with its ids
  std::set<std::string> special_;                     // contents that are special, and stay so
  bool changed_ = false;

  std::map<int64_t, AddedToken> decoder_;    // by the id that a file tells
  std::map<std::string, AddedToken> named_;  // by key
  std::vector<std::string> other_names_;     // keys of named_ that are not kNamedTokens, in order
  std::vector<AddedToken> extra_;
};

void FolderTokens::name(const std::string& key, const Json& value, const std::string& source) {
  const auto token = given_token(value, source + ": " + key);
  if (!token) return;
  if (!is_named(key) && !named_.contains(key)) other_names_.push_back(key);
  named_.insert_or_assign(key, *token);
}

void FolderTokens::add_extra(const Json& list, const std::string& source) {
  if (list.is_object()) {  // names of the model's own
    for (const auto& [key, value] : list.items()) name(key, value, source);
  } else if (list.is_array()) {
    for (const Json& value : list) {
      if (auto token = given_token(value, source)) extra_.push_back(std::move(*token));
    }
  }
}

void FolderTokens::read_config(const JsonObject& config) {
  for (const auto& [key, value] : config.json().items()) {
    if (is_named(key) || (key.ends_with("_token") && value.is_string())) name(key, value, config.source());
  }
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    if (!config.has(key) || config.at(key).empty()) continue;
    add_extra(config.at(key), config.source() + ": " + key);
    break;
  }
  if (!config.has("added_tokens_decoder")) return;
  const JsonObject decoder = config.object("added_tokens_decoder");
  for (const auto& [key, value] : decoder.json().items()) {
    int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    require(error == std::errc() && end == key.data() + key.size() && id >= 0 && id <= kLargestId,
            "{}: {:?} is not an id", decoder.source(), key);
    decoder_.insert_or_assign(id, added_token_from_json(JsonObject(value, decoder.source() + ": " + key)));
  }
}

void FolderTokens::read_special_tokens_map(const JsonObject& map) {
  for (const auto& [key, value] : map.json().items()) {
    if (is_named(key)) name(key, value, map.source());
  }
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    if (map.has(key)) add_extra(map.at(key), map.source() + ": " + key);
  }
}

void FolderTokens::read_added_tokens_file(const JsonObject& file) {
  const auto is_special = [&](const std::string& content) {
    return std::ranges::any_of(named_, [&](const auto& named) { return named.second.content == content; }) ||
           std::ranges::any_of(extra_, [&](const AddedToken& extra) { return extra.content == content; });
  };
  for (const auto& [content, id] : file.json().items()) {
    AddedToken token = {.content = content, .special = is_special(content)};
    token.normalized = !token.special;
    decoder_.insert_or_assign(file.integer(content, 0, kLargestId), token);
  }
}

void FolderTokens::read_files(const std::filesystem::path& folder) {
  const auto with = [&](const char* file, auto&& read) {
    const auto path = folder / file;
    const Json json = read_or_empty(path);
    read(JsonObject(json, path.string()));
    return json.contains("added_tokens_decoder") && !json.at("added_tokens_decoder").is_null();
  };
  const bool complete = with("tokenizer_config.json", [&](const JsonObject& json) { read_config(json); });
  if (!complete) {
    with("special_tokens_map.json", [&](const JsonObject& json) { read_special_tokens_map(json); });
    with("added_tokens.json", [&](const JsonObject& json) { read_added_tokens_file(json); });
    for (const auto& [id, token] : told_) {
      decoder_.insert_or_assign(id, token);
    }
  }
}

std::vector<AddedToken> FolderTokens::new_tokens() {
  std::vector<AddedToken> tokens;
  std::set<std::string> seen;
  for (const AddedToken& token : tokens_) seen.insert(token.content);
  for (const auto& [id, token] : decoder_) {
    tokens.push_back(token);
    seen.insert(token.content);
  }
  std::vector<std::string> keys(std::begin(kNamedTokens), std::end(kNamedTokens));
  keys.insert(keys.end(), other_names_.begin(), other_names_.end());
  std::set<std::string> special;
  for (const std::string& key : keys) {
    const auto named = named_.find(key);
    if (named == named_.end()) continue;
    special.insert(named->second.content);
    if (!seen.contains(named->second.content)) tokens.push_back(named->second);
  }
  for (const AddedToken& token : extra_) {
    if (!seen.contains(token.content)) tokens.push_back(token);
  }
  for (AddedToken& token : tokens) token.special = token.special || special.contains(token.content);
  return tokens;
}

}  // namespace

std::string with_tokens_of_folder(std::string tokenizer_json, const std::filesystem::path& folder) {
  const std::string source = (folder / kTokenizerFile).string();
  Json json = parse_json(tokenizer_json, source);
  const JsonObject file(json, source);
  (void)file.object("model").object("vocab");
  if (!file.has("added_tokens")) json["added_tokens"] = Json::array();
  require(json["added_tokens"].is_array(), "{}: \"added_tokens\" must be an array", source);
  const FolderTokens tokens(json, folder);
  if (!tokens.changed()) return tokenizer_json;
  json["added_tokens"] = tokens.added_tokens();
  return json.dump();
}

}  // namespace t6
