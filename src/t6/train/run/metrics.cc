#include "t6/train/run/metrics.h"

#include <cmath>

namespace t6 {
namespace {

// Cuts the file before anything is appended to it.
std::filesystem::path cut(const std::filesystem::path& path, int64_t step) {
  if (std::filesystem::exists(path)) write_text(path, metrics_until(read_text(path), step));
  return path;
}

}  // namespace

Metrics::Metrics(const std::filesystem::path& folder, int64_t step)
    : lines_(cut(folder / kMetricsFile, step)), events_(folder, step + 1) {}

void Metrics::add(const StepRecord& record) {
  lines_.append(metrics_line(record));
  events_.add(record.step, {{"loss/train", record.loss},
                            {"learning_rate", record.learning_rate},
                            {"grad_norm", record.gradient_norm},
                            {"tokens_per_second", record.tokens_per_second}});
}

void Metrics::add(const ValidationRecord& record) {
  lines_.append(metrics_line(record));
  EventFile::Scalars scalars = {{"loss/validation", record.loss}};
  if (!std::isnan(record.bits_per_byte)) scalars.emplace_back("bits_per_byte/validation", record.bits_per_byte);
  if (record.is_classifiers()) scalars.emplace_back("accuracy/validation", record.accuracy);
  if (!std::isnan(record.test_accuracy)) scalars.emplace_back("accuracy/test", record.test_accuracy);
  events_.add(record.step, scalars);
}

void Metrics::sync() { lines_.sync(); }

}  // namespace t6
