#include "t6/report/report.h"

#include <fmt/format.h>

#include <limits>
#include <string_view>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

// Wider than float32, so that any loss a trainer can have is read, and narrow enough for sums and ranges in double.
constexpr double kMaxNumber = 1e39;

double number_or_nan(const JsonObject& line, const char* key) {
  return line.number_or(key, std::numeric_limits<double>::quiet_NaN(), -kMaxNumber, kMaxNumber);
}

// After a resumption the trainer repeats the steps since its last checkpoint: `next` and what follows replace them.
template <typename Metrics>
void append_replacing(std::vector<Metrics>& all, Metrics next) {
  while (!all.empty() && all.back().step >= next.step) all.pop_back();
  all.push_back(next);
}

void read_metrics_line(const JsonObject& line, ReportData& data) {
  const int64_t step = line.integer("step", 0, std::numeric_limits<int64_t>::max());
  const int64_t tokens = line.integer("tokens", 0, std::numeric_limits<int64_t>::max());
  if (line.json().contains("validation_loss")) {
    append_replacing(data.validation, {.step = step,
                                       .tokens = tokens,
                                       .loss = number_or_nan(line, "validation_loss"),
                                       .bits_per_byte = number_or_nan(line, "validation_bits_per_byte")});
  } else {
    const bool resumed = !data.training.empty() && step <= data.training.back().step;
    if (resumed) std::erase_if(data.validation, [&](const auto& point) { return point.step > step; });
    append_replacing(data.training, {.step = step,
                                     .tokens = tokens,
                                     .loss = number_or_nan(line, "loss"),
                                     .learning_rate = number_or_nan(line, "learning_rate"),
                                     .grad_norm = number_or_nan(line, "grad_norm"),
                                     .tokens_per_second = number_or_nan(line, "tokens_per_second"),
                                     .seconds = number_or_nan(line, "seconds")});
  }
}

void read_metrics(const fs::path& path, ReportData& data) {
  if (!fs::exists(path)) return;  // stopped before its first step
  const MappedFile file(path);
  const std::string_view text = file.text();
  int64_t number = 1;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string_view::npos; begin = end + 1, ++number) {
    const std::string source = fmt::format("{}:{}", path.string(), number);
    const Json line = parse_json(text.substr(begin, end - begin), source);
    read_metrics_line(JsonObject(line, source), data);
  }
}

}  // namespace

ReportData read_run(const fs::path& folder) {
  const fs::path run = folder / "run.json", model = folder / "model" / "config.json";
  require(fs::is_directory(folder), "{}: no such folder", folder.string());
  require(fs::exists(run), "{}: not the folder of a training run: it has no run.json", folder.string());
  ReportData data;
  data.name = fs::canonical(folder).filename().string();
  data.run = read_json(run);
  const JsonObject object(data.run, run.string());
  data.model = fs::exists(model) ? read_config(model.parent_path())
                                 : config_from_json(object.at("model"), run.string() + ": model");
  read_metrics(folder / "metrics.jsonl", data);
  return data;
}

}  // namespace t6
