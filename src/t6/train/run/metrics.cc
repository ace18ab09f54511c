#include "t6/train/run/metrics.h"

#include "t6/formats/json.h"

namespace t6 {
namespace {

// Cuts the file before anything is appended to it.
std::filesystem::path cut(const std::filesystem::path& path, int64_t step) {
  if (std::filesystem::exists(path)) write_text(path, metrics_until(read_text(path), step));
  return path;
}

}  // namespace

std::string metrics_until(const std::string& text, int64_t step) {
  size_t kept = 0;
  for (size_t end; (end = text.find('\n', kept)) != std::string::npos; kept = end + 1) {
    const Json line = Json::parse(text.begin() + static_cast<ptrdiff_t>(kept),
                                  text.begin() + static_cast<ptrdiff_t>(end), nullptr, /*allow_exceptions=*/false);
    const bool good = line.is_object() && line.contains("step") && line["step"].is_number_integer();
    if (!good || line["step"].get<int64_t>() > step) break;
  }
  return text.substr(0, kept);
}

Metrics::Metrics(const std::filesystem::path& folder, int64_t step)
    : lines_(cut(folder / "metrics.jsonl", step)), events_(folder, step + 1) {}

void Metrics::add(const StepRecord& record) {
  const nlohmann::ordered_json line = {{"step", record.step},
                                       {"tokens", record.tokens},
                                       {"loss", record.loss},
                                       {"learning_rate", record.learning_rate},
                                       {"grad_norm", record.gradient_norm},
                                       {"tokens_per_second", record.tokens_per_second},
                                       {"seconds", record.seconds}};
  lines_.append(line.dump() + "\n");
  events_.add(record.step, {{"loss/train", record.loss},
                            {"learning_rate", record.learning_rate},
                            {"grad_norm", record.gradient_norm},
                            {"tokens_per_second", record.tokens_per_second}});
}

void Metrics::add(const ValidationRecord& record) {
  nlohmann::ordered_json line = {{"step", record.step}, {"tokens", record.tokens}, {"validation_loss", record.loss}};
  EventFile::Scalars scalars = {{"loss/validation", record.loss}};
  if (record.bits_per_byte) {
    line["validation_bits_per_byte"] = *record.bits_per_byte;
    scalars.emplace_back("bits_per_byte/validation", *record.bits_per_byte);
  }
  lines_.append(line.dump() + "\n");
  events_.add(record.step, scalars);
}

void Metrics::sync() { lines_.sync(); }

}  // namespace t6
