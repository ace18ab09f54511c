#include "t6/compare/grid.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/formats/run_files.h"

namespace t6 {
namespace {

constexpr const char* kName = "name";
constexpr const char* kTogether = "together";
// Of a grid: beyond it somebody has mistyped a list.
constexpr size_t kMostModels = 1000;

// Keys whose value is itself a list: a grid of them is a list of lists.
bool holds_list(const std::string& key) { return key == "layer_types" || key == "no_rope_layers"; }

bool is_grid(const std::string& key, const Json& value) {
  return value.is_array() && (!holds_list(key) || (!value.empty() && value[0].is_array()));
}

bool is_name(const std::string& text) {
  return !text.empty() && text[0] != '.' && text.size() <= 100 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-' || c == '='; });
}

// A value within a name: "1", "sigmoid"; lists and tables by their place in the grid.
std::string value_name(const Json& value, size_t index) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_primitive() ? value.dump() : fmt::format("{}", index + 1);
}

// Keys that change together, and how many values they have.
struct Axis {
  std::vector<std::string> keys;
  size_t size = 0;
};

std::vector<std::string> together_of(const Json& table, const std::string& source) {
  std::vector<std::string> keys;
  if (!table.contains(kTogether)) return keys;
  const Json& list = table[kTogether];
  require(list.is_array() && list.size() >= 2, "{}: \"{}\" is {}, wanted is a list of two keys or more", source,
          kTogether, list.dump());
  for (const Json& key : list) {
    require(key.is_string() && table.contains(key) && is_grid(key, table[key.get<std::string>()]),
            "{}: \"{}\" names {}, which is no key here that has a list of values", source, kTogether, key.dump());
    keys.push_back(key);
  }
  return keys;
}

std::vector<Axis> axes_of(const Json& table, const std::string& source) {
  std::vector<Axis> axes;
  const std::vector<std::string> together = together_of(table, source);
  if (!together.empty()) axes.push_back({together, table[together.front()].size()});
  for (const std::string& key : together) {
    require(table[key].size() == axes[0].size,
            "{}: \"{}\" has {} values and \"{}\" {}; those that go together have as many", source, together.front(),
            axes[0].size, key, table[key].size());
  }
  for (const auto& [key, value] : table.items()) {
    if (key == kTogether || !is_grid(key, value)) continue;
    require(!value.empty(), "{}: \"{}\" is an empty list; wanted is a value or several", source, key);
    if (std::ranges::count(together, key) == 0) axes.push_back({{key}, value.size()});
  }
  return axes;
}

Json optimizer_of(const Json& table, const std::string& source) {
  const JsonObject object(table, source);
  if (!object.has(run_keys::kOptimizer)) return Json::object();
  const Json& keys = object.object(run_keys::kOptimizer).json();
  require(!keys.contains("learning_rate"),
          "{}: optimizer: \"learning_rate\" is the same for all models; [compare] takes \"learning_rates\", the best "
          "of which each model has",
          source);
  return keys;
}

std::string base_name(const Json& table, const std::string& source) {
  const JsonObject object(table, source);
  if (object.has(kName)) return object.string(kName);
  const Json preset = table.value(run_keys::kPreset, Json());
  require(preset.is_string() || (preset.is_array() && !preset.empty()), "{}: it has neither \"name\" nor \"preset\"",
          source);
  return preset.is_string() ? preset.get<std::string>() : "";
}

}  // namespace

std::vector<ModelEntry> expand_models(const Json& table, const std::string& source) {
  require(table.is_object(), "{} is {}, wanted is a table", source, table.dump());
  const std::vector<Axis> axes = axes_of(table, source);
  ModelEntry start = {base_name(table, source), table, optimizer_of(table, source)};
  for (const char* key : {kName, kTogether, run_keys::kOptimizer}) start.keys.erase(key);
  std::vector<ModelEntry> models = {start};
  for (const Axis& axis : axes) {
    require(models.size() * axis.size <= kMostModels, "{}: its lists make more than {} models", source, kMostModels);
    std::vector<ModelEntry> more;
    for (const ModelEntry& model : models) {
      for (size_t i = 0; i < axis.size; ++i) {
        more.push_back(model);
        for (const std::string& key : axis.keys) {
          const Json& value = table[key][i];
          more.back().keys[key] = value;
          const bool plain = key == run_keys::kPreset && !table.contains(kName);
          std::string& name = more.back().name;
          name += (name.empty() ? "" : "-") + (plain ? "" : key + "=") + value_name(value, i);
        }
      }
    }
    models = std::move(more);
  }
  for (const ModelEntry& model : models) {
    require(is_name(model.name),
            "{}: \"{}\" is no name for a model: wanted are letters, digits, \"_\", \"-\", \"=\" and "
            "\".\", which a folder will be called by",
            source, model.name);
  }
  return models;
}

}  // namespace t6
