#include "t6/report/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "t6/formats/model_files.h"
#include "t6/formats/token_shard.h"
#include "t6/infer/generate.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

// A passage to take an opening from: long enough, even in bytes, to hold the beginning of a line.
constexpr int64_t kPassageTokens = 400;

// The text of `ids` inside one document: before or after an end of text, whichever is longer.
std::string decode_passage(const Tokenizer& tokenizer, std::span<const int32_t> ids) {
  const auto end_of_text = tokenizer.end_of_text();
  const auto end = end_of_text ? std::find(ids.begin(), ids.end(), *end_of_text) : ids.end();
  const auto before = static_cast<size_t>(end - ids.begin());
  if (2 * before >= ids.size()) return tokenizer.decode(ids.first(before), /*skip_special=*/true);
  return "\n" + tokenizer.decode(ids.subspan(before + 1), /*skip_special=*/true);  // a document begins a line
}

// From `count` places that lie evenly in the validation split.
std::vector<std::string> validation_prompts(const std::string& data_path, const Tokenizer& tokenizer, int64_t count) {
  const TokenShardSet split(data_path, "val");
  std::vector<std::string> prompts;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = split.size() / count * i;
    std::vector<int32_t> ids(static_cast<size_t>(std::min(kPassageTokens, split.size() - begin)));
    split.read(begin, ids);
    prompts.push_back(opening(decode_passage(tokenizer, ids)));
  }
  std::erase(prompts, "");
  return prompts;
}

std::string data_path(const Json& run) {
  const JsonObject object(run, kRunFile);
  return object.has(run_keys::kData) ? object.object(run_keys::kData).string_or(run_keys::kPath, "") : "";
}

}  // namespace

std::string opening(std::string_view text) {
  constexpr size_t kShortest = 20, kLongest = 60;  // bytes
  const auto skip_to = [&](char c) {
    const size_t at = text.find(c);
    const size_t next = text.find_first_not_of(" \n", at);
    if (at == std::string_view::npos || next == std::string_view::npos) return false;
    if (text.size() - next < kShortest) return false;
    text.remove_prefix(next);
    return true;
  };
  if (!skip_to('\n')) skip_to(' ');
  text = text.substr(0, text.find('\n'));
  if (text.size() > kLongest) {
    const size_t space = text.rfind(' ', kLongest);
    text = text.substr(0, space == std::string_view::npos ? kLongest : space);
    text.remove_suffix(incomplete_utf8_tail(text));
  }
  return std::string(text.substr(0, text.find_last_not_of(" \r") + 1));
}

void draw_samples(Context& context, const fs::path& run_folder, const SampleOptions& options, ReportData& data,
                  const std::function<void(int64_t done)>& progress) {
  data.samples.clear();
  if (data.model.is_classifier() && options.prompts.empty()) {
    data.samples_note = "A classifier writes no text.";
    return;
  }
  if (!fs::exists(run_folder / kRunModel / kConfigFile)) {
    data.samples_note = "The run has saved no checkpoint yet, so there is no model to sample from.";
    return;
  }
  const LoadedModel loaded = load_model(context, run_folder / kRunModel);
  std::vector<std::string> prompts = options.prompts;
  if (prompts.empty()) {
    if (const std::string path = data_path(data.run); fs::exists(path)) {
      prompts = validation_prompts(path, *loaded.tokenizer, options.count);
    }
  }
  if (prompts.empty()) {
    data.samples_note =
        "No samples: no prompt was given, and the run's validation data is not at hand to take one from.";
    return;
  }

  GenerateOptions generate_options;
  generate_options.max_tokens = options.max_tokens;
  generate_options.sampler = options.sampler;
  generate_options.cancel = options.cancel;
  for (int64_t i = 0; i < options.total() && !(options.cancel && options.cancel->cancelled()); ++i) {
    const std::string& prompt = prompts[static_cast<size_t>(i) % prompts.size()];
    data.samples.push_back({prompt, generate(context, loaded, prompt, generate_options, [](std::string_view) {}).text});
    ++generate_options.sampler.seed;
    progress(i + 1);
  }
  data.samples_note = fmt::format(
      "{} are marked; what follows each is at most {} tokens, drawn at temperature {} from the checkpoint {}.",
      options.prompts.empty() ? "Prompts from the validation data" : "Prompts", options.max_tokens,
      options.sampler.temperature, fs::canonical(run_folder / kRunModel).filename().string());
}

}  // namespace t6
