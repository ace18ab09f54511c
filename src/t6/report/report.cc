#include "t6/report/report.h"

#include <fmt/format.h>

#include <functional>
#include <string_view>
#include <variant>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/model_files.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

// After a resumption the trainer repeats the steps since its last checkpoint: `next` and what follows replace them.
template <typename Record>
void append_replacing(std::vector<Record>& all, const Record& next) {
  while (!all.empty() && all.back().step >= next.step) all.pop_back();
  all.push_back(next);
}

void add_record(const ValidationRecord& record, ReportData& data) { append_replacing(data.validation, record); }

void add_record(const StepRecord& record, ReportData& data) {
  const bool resumed = !data.training.empty() && record.step <= data.training.back().step;
  if (resumed) std::erase_if(data.validation, [&](const auto& point) { return point.step > record.step; });
  append_replacing(data.training, record);
}

void add_record(const TrainingSample& record, ReportData& data) {
  auto& all = data.training_samples;
  while (!all.empty() && all.back().step >= record.step) all.pop_back();
  all.push_back(record);
}

// Calls `add` with each whole line of a file of JSON objects, if there is one: a run may have stopped before its first
// step.
void read_lines(const fs::path& path, const std::function<void(const JsonObject&)>& add) {
  if (!fs::exists(path)) return;
  const MappedFile file(path);
  const std::string_view text = file.text();
  int64_t number = 1;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string_view::npos; begin = end + 1, ++number) {
    const std::string source = fmt::format("{}:{}", path.string(), number);
    const Json line = parse_json(text.substr(begin, end - begin), source);
    add(JsonObject(line, source));
  }
}

}  // namespace

ReportData read_run(const fs::path& folder) {
  const fs::path run = folder / kRunFile, model = folder / kRunModel / kConfigFile;
  require(fs::is_directory(folder), "{}: no such folder", folder.string());
  require(fs::exists(run), "{}: not the folder of a training run: it has no {}", folder.string(), kRunFile);
  ReportData data;
  data.name = fs::canonical(folder).filename().string();
  data.run = read_json(run);
  const JsonObject object(data.run, run.string());
  data.model = fs::exists(model) ? read_config(model.parent_path())
                                 : config_from_json(object.at(run_keys::kModel),
                                                    fmt::format("{}: {}", run.string(), run_keys::kModel));
  read_lines(folder / kMetricsFile, [&](const JsonObject& line) {
    std::visit([&](const auto& record) { add_record(record, data); }, metrics_record(line));
  });
  read_lines(folder / kSamplesFile, [&](const JsonObject& line) {
    add_record(TrainingSample{line.integer("step", 0, INT64_MAX), {line.string("prompt"), line.string("text")}}, data);
  });
  return data;
}

}  // namespace t6
