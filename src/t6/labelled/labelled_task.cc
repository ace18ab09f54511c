#include "t6/labelled/labelled_task.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"

namespace t6 {
namespace {

constexpr int64_t kMostClasses = 1 << 16;
constexpr const char* kSymbols = "symbols";
constexpr const char* kLabels = "labels";
constexpr const char* kPairs = "pairs";
constexpr const char* kLongest = "longest";

// Numbers by their value, before other texts.
bool label_less(const std::string& a, const std::string& b) {
  const auto is_number = [](const std::string& text) {
    return !text.empty() && text.size() < 10 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (is_number(a) && is_number(b)) return std::stol(a) < std::stol(b);
  return is_number(a) != is_number(b) ? is_number(a) : a < b;
}

// The labels that training documents have, or their choices, which have to be the same for all.
struct SeenLabels {
  std::set<std::string> labels;
  std::vector<std::string> choices;

  void add(const LabelledDocument& document, const std::string& place, bool first) {
    labels.insert(document.label);
    require(std::ssize(labels) <= kMostClasses, "{}: \"{}\" is one more than {} different labels", place,
            document.label, kMostClasses);
    if (first) choices = document.choices;
    // Choices that differ, as of questions with answers of their own, are no classes.
    if (document.choices != choices) choices.clear();
  }

  std::vector<std::string> classes() const {
    std::vector<std::string> all = choices;
    if (all.empty()) {
      all.assign(labels.begin(), labels.end());
      std::ranges::sort(all, label_less);
    }
    return all;
  }
};

std::vector<std::string> numbers_below(int64_t count) {
  std::vector<std::string> labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back(std::to_string(i));
  return labels;
}

std::vector<std::string> texts_of(const JsonObject& object, const char* key) {
  const Json& list = object.at(key);
  require(list.is_array(), "{}: \"{}\" must be a list of texts", object.source(), key);
  std::vector<std::string> texts;
  for (const Json& item : list) {
    require(item.is_string(), "{}: \"{}\" holds {}, wanted are texts", object.source(), key, item.dump());
    texts.push_back(item);
  }
  return texts;
}

}  // namespace

LabelledSettings labelled_settings(const JsonObject& section) {
  LabelledSettings settings;
  settings.train = section.string_or(task_keys::kTrain, "");
  settings.validation = section.string_or(task_keys::kValidation, "");
  settings.test = section.string_or(task_keys::kTest, "");
  settings.format = section.string_or(task_keys::kFormat, settings.format);
  settings.tokenizer = section.string_or(task_keys::kTokenizer, "");
  settings.classes = section.integer_or(task_keys::kClasses, 0, 0, kMostClasses);
  return settings;
}

int64_t LabelledTask::label_index(const std::string& label, const std::string& place) const {
  const auto found = std::ranges::find(labels, label);
  require(found != labels.end(), "{}: the label \"{}\" is none of the {} classes", place, label, labels.size());
  return found - labels.begin();
}

LabelledTask read_labelled_task(const LabelledSettings& settings, const std::string& source) {
  const LabelledFormat& format = labelled_format(settings.format, source + ": task: \"format\"");
  require(!settings.train.empty(), "{}: task: \"train\" is missing; it names the file of training documents", source);
  LabelledTask task = {settings.format,
                       LabelTokens(settings.tokenizer.empty() ? std::string(format.tokenizer) : settings.tokenizer),
                       {}};
  SeenLabels seen;
  bool first = true;
  format.read(settings.train, [&](LabelledDocument&& document, const std::string& place) {
    const bool pair = document.texts.size() == 2;
    if (first) task.pairs = pair;
    require(task.pairs == pair, "{}: is {}, and the documents before it are {}", place,
            pair ? "a pair of documents" : "one document", task.pairs ? "pairs" : "single ones");
    for (const std::string& text : document.texts) task.tokens.learn(text, place);
    seen.add(document, place, first);
    first = false;
  });
  require(!first, "{}: holds no documents", settings.train);
  task.labels = settings.classes > 0 ? numbers_below(settings.classes) : seen.classes();
  require(task.labels.size() >= 2, "{}: all documents have the label \"{}\"; a classifier needs two or more classes",
          settings.train, task.labels.front());
  return task;
}

Json labelled_task_json(const LabelledTask& task) {
  const LabelTokens& tokens = task.tokens;
  Json json = {{task_keys::kFormat, task.format},
               {task_keys::kTokenizer, tokens.tokenizer() ? kTokenizerFile : tokens.name()},
               {kLabels, task.labels},
               {kPairs, task.pairs},
               {kLongest, task.longest}};
  if (!tokens.symbols().empty()) json[kSymbols] = tokens.symbols();
  return json;
}

LabelledTask labelled_task_from(const std::filesystem::path& folder) {
  const auto path = folder / kClassifierFile;
  const Json json = read_json(path);
  const JsonObject object(json, path.string());
  std::string name = object.string(task_keys::kTokenizer);
  if (name != "bytes" && name != "symbols") name = (folder / kTokenizerFile).string();
  LabelledTask task = {object.string(task_keys::kFormat), LabelTokens(name), texts_of(object, kLabels),
                       object.boolean(kPairs), object.integer(kLongest, 1, INT64_MAX)};
  require(task.labels.size() >= 2, "{}: \"{}\" has fewer than two texts", path.string(), kLabels);
  if (name != "symbols") return task;
  for (const std::string& symbol : texts_of(object, kSymbols)) task.tokens.learn(symbol, path.string());
  return task;
}

}  // namespace t6
