#include "t6/formats/run_files.h"

#include <cmath>
#include <type_traits>

#include "t6/formats/json.h"

namespace t6 {
namespace {

// Wider than float32, so that any loss a trainer can have is read, and narrow enough for sums and ranges in double.
constexpr double kMaxNumber = 1e39;

constexpr const char* kStep = "step";
constexpr const char* kValidationLoss = "validation_loss";  // tells the two records apart

// The one list of fields, in the order in which they are written.
template <typename Record, typename Visitor>
void visit_fields(Record& record, Visitor&& visit) {
  visit(kStep, record.step);
  visit("tokens", record.tokens);
  if constexpr (std::is_same_v<std::remove_const_t<Record>, StepRecord>) {
    visit("loss", record.loss);
    visit("learning_rate", record.learning_rate);
    visit("grad_norm", record.gradient_norm);
    visit("tokens_per_second", record.tokens_per_second);
    visit("seconds", record.seconds);
    visit("reduced_bytes", record.reduced_bytes);
    visit("hidden_bytes", record.hidden_bytes);
    visit("gathered_bytes", record.gathered_bytes);
    visit("communication_seconds", record.communication_seconds);
    visit("waited_seconds", record.waited_seconds);
  } else {
    visit(kValidationLoss, record.loss);
    visit("validation_bits_per_byte", record.bits_per_byte);
    visit("validation_accuracy", record.accuracy);
    visit("validation_accuracy_error", record.accuracy_error);
    visit("test_loss", record.test_loss);
    visit("test_accuracy", record.test_accuracy);
    visit("test_accuracy_error", record.test_accuracy_error);
  }
}

template <typename Record>
std::string line_of(const Record& record) {
  nlohmann::ordered_json line;
  visit_fields(record, [&](const char* key, auto value) {
    if (!std::isnan(static_cast<double>(value))) line[key] = value;
  });
  return line.dump() + "\n";
}

struct Reader {
  const JsonObject& line;

  void operator()(const char* key, int64_t& field) const {
    field = line.integer(key, 0, std::numeric_limits<int64_t>::max());
  }
  void operator()(const char* key, double& field) const {
    field = line.number_or(key, kNoNumber, -kMaxNumber, kMaxNumber);
  }
};

template <typename Record>
Record record_of(const JsonObject& line) {
  Record record;
  visit_fields(record, Reader{line});
  return record;
}

}  // namespace

std::string metrics_line(const StepRecord& record) { return line_of(record); }
std::string metrics_line(const ValidationRecord& record) { return line_of(record); }

MetricsRecord metrics_record(const JsonObject& line) {
  if (line.json().contains(kValidationLoss)) return record_of<ValidationRecord>(line);
  return record_of<StepRecord>(line);
}

std::string metrics_until(std::string_view text, int64_t step) {
  size_t kept = 0;
  for (size_t end; (end = text.find('\n', kept)) != std::string_view::npos; kept = end + 1) {
    const Json line = Json::parse(text.begin() + kept, text.begin() + end, nullptr, /*allow_exceptions=*/false);
    const bool good = line.is_object() && line.contains(kStep) && line[kStep].is_number_integer();
    if (!good || line[kStep].get<int64_t>() > step) break;
  }
  return std::string(text.substr(0, kept));
}

}  // namespace t6
