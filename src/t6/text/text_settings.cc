#include "t6/text/text_settings.h"

#include <limits>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

constexpr char kGenerationFile[] = "generation_config.json";
constexpr const char* kOtherTokens[] = {"unk_token", "pad_token", "sep_token", "cls_token", "mask_token"};

// "<s>", or {"content": "<s>", ...}; empty for neither.
std::string token_name(const JsonObject& json, const std::string& key) {
  if (!json.has(key)) return {};
  return json.at(key).is_object() ? json.object(key).string("content") : json.string(key);
}

// Those that `json` names and that are not there yet.
void add_tokens(const JsonObject& json, TextSettings& settings) {
  const auto add = [&](std::string& token, const char* key) {
    if (token.empty()) token = token_name(json, key);
  };
  add(settings.bos_token, "bos_token");
  add(settings.eos_token, "eos_token");
  for (const char* key : kOtherTokens) {
    std::string& token = settings.other_tokens[key];
    add(token, key);
    if (token.empty()) settings.other_tokens.erase(key);
  }
}

// A text, or a list of named ones of which "default" counts.
std::string template_text(const JsonObject& json) {
  if (!json.has("chat_template")) return {};
  const Json& value = json.at("chat_template");
  if (!value.is_array()) return json.string("chat_template");
  for (const Json& entry : value) {
    const JsonObject named(entry, json.source() + ": chat_template");
    if (named.string("name") == "default") return named.string("template");
  }
  return {};
}

std::vector<int32_t> end_ids(const JsonObject& json) {
  if (!json.has("eos_token_id")) return {};
  const Json& value = json.at("eos_token_id");
  std::vector<int32_t> ids;
  for (const Json& id : value.is_array() ? value : Json::array({value})) {
    if (id == -1) continue;  // as some files have it for none
    require(
        id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() <= std::numeric_limits<int32_t>::max(),
        "{}: \"eos_token_id\" must be a token's id or a list of them", json.source());
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

}  // namespace

TextSettings read_text_settings(const std::filesystem::path& folder) {
  TextSettings settings;
  const auto config_path = folder / "tokenizer_config.json", map_path = folder / "special_tokens_map.json";
  const Json config_json = path_exists(config_path) ? read_json(config_path) : Json::object();
  const Json map_json = path_exists(map_path) ? read_json(map_path) : Json::object();
  const JsonObject config(config_json, config_path.string()), map(map_json, map_path.string());
  settings.chat_template = template_text(config);
  // The order of transformers: a tokenizer_config.json with this key is complete.
  if (!config.has("added_tokens_decoder")) add_tokens(map, settings);
  add_tokens(config, settings);
  add_tokens(map, settings);
  if (const auto path = folder / "chat_template.jinja"; path_exists(path)) settings.chat_template = read_text(path);
  if (const auto path = folder / kGenerationFile; path_exists(path)) {
    const Json json = read_json(path);
    settings.sampling = read_sampling(JsonObject(json, path.string()));
  }
  for (const char* name : {kGenerationFile, "config.json"}) {
    const auto path = folder / name;
    if (!settings.end_of_text.empty() || !path_exists(path)) continue;
    const Json json = read_json(path);
    settings.end_of_text = end_ids(JsonObject(json, path.string()));
  }
  return settings;
}

void write_text_settings(const std::filesystem::path& folder, const TextSettings& settings) {
  Json tokenizer = Json::object();
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) tokenizer[key] = value;
  };
  add("bos_token", settings.bos_token);
  add("eos_token", settings.eos_token);
  for (const auto& [name, token] : settings.other_tokens) add(name.c_str(), token);
  add("chat_template", settings.chat_template);
  write_json(folder / "tokenizer_config.json", tokenizer);
  Json generation = Json::object();
  write_sampling(settings.sampling, generation);
  generation["eos_token_id"] = settings.end_of_text;
  write_json(folder / kGenerationFile, generation);
}

}  // namespace t6
