#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/labelled/formats/readers.h"

namespace t6 {
namespace {

// A text as it stands, a number as it is written.
std::string label_of(const JsonObject& line, const char* key) {
  const Json& value = line.at(key);
  require(value.is_string() || value.is_number_integer(), "{}: \"{}\" must be a text or an integer, not {}",
          line.source(), key, value.dump().substr(0, 40));
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<std::string> choices_of(const JsonObject& line) {
  std::vector<std::string> choices;
  if (!line.has("choices")) return choices;
  const Json& list = line.at("choices");
  require(list.is_array() && !list.empty(), "{}: \"choices\" must be a list of texts", line.source());
  for (const Json& choice : list) {
    require(choice.is_string(), "{}: \"choices\" holds {}, wanted are texts", line.source(),
            choice.dump().substr(0, 40));
    choices.push_back(choice);
  }
  return choices;
}

// "answer" is one of the choices, or its index.
std::string answer_of(const JsonObject& line, const std::vector<std::string>& choices) {
  const bool index = line.at("answer").is_number_integer() && !choices.empty();
  if (!index) return label_of(line, "answer");
  return choices[static_cast<size_t>(line.integer("answer", 0, std::ssize(choices) - 1))];
}

LabelledDocument document_of(const JsonObject& line) {
  if (line.has("context")) {
    std::vector<std::string> choices = choices_of(line);
    const std::string label = answer_of(line, choices);
    return {{line.string("context")}, label, std::move(choices)};
  }
  if (line.has("text1") || line.has("text2")) {
    return {{line.string("text1"), line.string("text2")}, label_of(line, "label")};
  }
  require(line.has("text"),
          "{}: wanted are \"context\" and \"answer\", \"text\" and \"label\", or \"text1\", \"text2\" and \"label\"",
          line.source());
  return {{line.string("text")}, label_of(line, "label")};
}

}  // namespace

void read_labelled_jsonl(const std::filesystem::path& path, const TakeLabelled& take) {
  each_line(path, [&](std::string&& text, const std::string& place) {
    const Json line = parse_json(text, place);
    take(document_of(JsonObject(line, place)), place);
  });
}

}  // namespace t6
