#include "t6/model/toml.h"

#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

constexpr int kMaxExtends = 8;

Json to_json(const toml::node& node, const std::string& source) {
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = to_json(value, source);
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const auto& value : *array) list.push_back(to_json(value, source));
    return list;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return integer->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* boolean = node.as_boolean()) return boolean->get();
  fail("{}: line {}: dates and times are not used here", source, node.source().begin.line);
}

// Where `changes` of a model name a preset, the kind that was named before is that of the preset before.
void name_preset(Json& file, const Json& changes) {
  if (!changes.is_object() || !changes.contains("preset") || !file.contains("model")) return;
  if (file["model"].is_object()) file["model"].erase("attention_kind");
}

Json read_extended(const std::filesystem::path& path, int depth) {
  require(depth <= kMaxExtends, "{}: more than {} files extend each other; is there a circle?", path.string(),
          kMaxExtends);
  const std::string source = path.string();
  Json json = parse_toml(read_text(path), source);
  if (!json.contains("extends")) return json;
  const auto base_path = path.parent_path() / JsonObject(json, source).string("extends");
  json.erase("extends");
  Json base = read_extended(base_path, depth + 1);
  if (json.contains("model")) name_preset(base, json["model"]);
  base.merge_patch(json);  // TOML has no null, so nothing is removed
  return base;
}

// JSON's escapes are TOML's, but for the one control character that JSON leaves as it is.
std::string toml_string(const std::string& value) {
  std::string text;
  for (const char c : Json(value).dump()) text += c == '\x7f' ? std::string("\\u007F") : std::string(1, c);
  return text;
}

std::string toml_key(const std::string& key) {
  const auto bare = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; };
  return !key.empty() && std::all_of(key.begin(), key.end(), bare) ? key : toml_string(key);
}

std::string toml_value(const Json& value) {
  if (value.is_string()) return toml_string(value);
  if (value.is_number() || value.is_boolean()) return value.dump();
  require(value.is_array() || value.is_object(), "{} cannot be written as TOML", value.dump());
  std::vector<std::string> parts;
  for (const auto& [key, item] : value.items()) {
    parts.push_back(value.is_array() ? toml_value(item) : toml_key(key) + " = " + toml_value(item));
  }
  const std::string inner = fmt::format("{}", fmt::join(parts, ", "));
  return value.is_array() ? "[" + inner + "]" : "{" + inner + "}";
}

}  // namespace

Json parse_toml(std::string_view text, const std::string& source) {
  try {
    return to_json(toml::parse(text), source);
  } catch (const toml::parse_error& error) {
    fail("{}: line {}: not valid TOML: {}", source, error.source().begin.line, error.description());
  }
}

Json read_toml(const std::filesystem::path& path) { return read_extended(path, 0); }

Json parse_toml_value(const std::string& text) {
  try {
    const toml::table table = toml::parse("value = " + text);
    // "1\nother = 2" is a document and not a value.
    if (table.size() == 1) return to_json(*table.get("value"), text);
  } catch (const toml::parse_error&) {
  }
  return text;
}

std::string to_toml(const Json& object) {
  std::string text;
  for (const auto& [key, value] : object.items()) {
    if (!value.is_object()) text += toml_key(key) + " = " + toml_value(value) + "\n";
  }
  for (const auto& [section, table] : object.items()) {
    if (!table.is_object()) continue;
    text += (text.empty() ? "[" : "\n[") + toml_key(section) + "]\n";
    for (const auto& [key, value] : table.items()) text += toml_key(key) + " = " + toml_value(value) + "\n";
  }
  return text;
}

}  // namespace t6
