// LongBench: its files and its prompts.
#include <algorithm>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/eval/answer_files.h"
#include "t6/eval/answers/json_lines.h"
#include "t6/eval/longbench/prompts.h"
#include "t6/formats/json.h"
#include "t6/text/python_text.h"

namespace t6 {
namespace {

constexpr char kVersion2[] = "longbench_v2";
constexpr int64_t kMostAnswerTokens = 1 << 20;

void add_prompts(LongBenchPrompts& prompts, std::string_view text, const std::string& source) {
  const Json json = parse_json(text, source);
  for (const auto& [name, value] : JsonObject(json, source).json().items()) {
    const JsonObject object(value, fmt::format("{}: \"{}\"", source, name));
    for (const auto& [key, ignored] : value.items()) {
      constexpr std::string_view kKeys[] = {"prompt", "max_tokens", "metric", "ends_with_line", "first_line", "plain"};
      require(std::ranges::find(kKeys, key) != std::end(kKeys), "{}: unknown key \"{}\"", object.source(), key);
    }
    prompts[name] = {object.string("prompt"),
                     object.integer("max_tokens", 1, kMostAnswerTokens),
                     object.string("metric"),
                     object.boolean_or("ends_with_line", false),
                     object.boolean_or("first_line", false),
                     object.boolean_or("plain", false)};
  }
}

// `text` with "{name}" replaced by the document's field of that name; what it holds is not looked at again.
std::string filled(std::string_view text, const JsonObject& line, bool strips) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t open = std::min(text.find('{', at), text.size());
    out += text.substr(at, open - at);
    if (open == text.size()) break;
    const size_t close = text.find('}', open);
    require(close != std::string_view::npos, "a prompt of LongBench has a \"{{\" that nothing closes");
    const std::string value = line.string(std::string(text.substr(open + 1, close - open - 1)));
    out += strips ? python_strip(value) : std::string_view(value);
    at = close + 1;
  }
  return out;
}

const LongBenchPrompt& prompt_of(const LongBenchPrompts& prompts, const std::string& name, const JsonObject& line) {
  const auto found = prompts.find(name);
  require(found != prompts.end(), "{}: there is no prompt for the data set \"{}\"", line.source(), name);
  return found->second;
}

AnswerDocument document_of(const LongBenchPrompt& prompt, const JsonObject& line, bool strips) {
  AnswerDocument document{.name = line.source(), .prompt = filled(prompt.prompt, line, strips)};
  document.metric = prompt.metric;
  document.max_tokens = prompt.max_tokens;
  document.ends_with_line = prompt.ends_with_line;
  document.first_line = prompt.first_line;
  document.plain = prompt.plain;
  document.shortens = true;
  return document;
}

// The E sets have names that end so, and their results are given by length, too.
constexpr std::string_view kEvenLengths = "_e";

AnswerDocument version_1(const LongBenchPrompts& prompts, const JsonObject& line, bool even_lengths) {
  std::string set = line.string("dataset");
  if (set.ends_with(kEvenLengths)) {
    even_lengths = true;
    set.resize(set.size() - kEvenLengths.size());
  }
  AnswerDocument document = document_of(prompt_of(prompts, set, line), line, /*strips=*/false);
  document.key.answers = text_list(line, "answers");
  if (line.has("all_classes")) document.key.classes = text_list(line, "all_classes");
  document.groups = {set};
  if (even_lengths) {
    const int64_t length = line.integer("length", 0, INT64_MAX);
    document.groups.push_back(set + (length < 4000 ? ", 0-4k" : length < 8000 ? ", 4-8k" : ", 8k+"));
  }
  return document;
}

AnswerDocument version_2(const LongBenchPrompts& prompts, const JsonObject& line) {
  AnswerDocument document = document_of(prompt_of(prompts, kVersion2, line), line, /*strips=*/true);
  document.key.answers = {line.string("answer")};
  document.groups = {kVersion2};
  for (const char* key : {"difficulty", "length"}) {
    document.groups.push_back(fmt::format("{}, {}", kVersion2, line.string(key)));
  }
  return document;
}

}  // namespace

LongBenchPrompts longbench_prompts(const std::filesystem::path& file) {
  LongBenchPrompts prompts;
  add_prompts(prompts, longbench_prompts_text(), "the prompts of LongBench");
  if (!file.empty()) add_prompts(prompts, read_text(file), file.string());
  return prompts;
}

std::vector<AnswerDocument> read_longbench(const std::filesystem::path& path, const LongBenchPrompts& prompts,
                                           int64_t limit) {
  std::vector<AnswerDocument> documents;
  const bool even_lengths = path.stem().string().ends_with(kEvenLengths);
  read_json_lines(path, limit, [&](const JsonObject& line) {
    documents.push_back(line.has("choice_A") ? version_2(prompts, line) : version_1(prompts, line, even_lengths));
  });
  return documents;
}

}  // namespace t6
