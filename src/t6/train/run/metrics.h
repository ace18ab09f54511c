// What a run writes down while it goes: metrics.jsonl for people and `t6 report`, event files for TensorBoard.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "t6/core/file.h"
#include "t6/train/events/event_file.h"

namespace t6 {

struct StepRecord {
  int64_t step = 0;
  int64_t tokens = 0;  // trained on so far
  double loss = 0;     // of this step's tokens, nats a token
  double learning_rate = 0;
  double gradient_norm = 0;      // before clipping
  double tokens_per_second = 0;  // since the last record, without evaluation and saving
  double seconds = 0;            // that the run has taken so far, over all its resumptions
};

struct ValidationRecord {
  int64_t step = 0;
  int64_t tokens = 0;
  double loss = 0;                      // nats a token
  std::optional<double> bits_per_byte;  // none where the data does not say how many bytes its tokens stand for
};

// Appends to FOLDER/metrics.jsonl, a line a record, and to an event file. A kill leaves at most the last line torn.
class Metrics {
 public:
  // Goes on after `step`: lines of later steps, and a torn one, are cut off. Step 0 begins anew.
  Metrics(const std::filesystem::path& folder, int64_t step);

  // Errors: a full disk.
  void add(const StepRecord& record);
  void add(const ValidationRecord& record);
  void sync();  // all lines survive a power cut

 private:
  AppendFile lines_;
  EventFile events_;
};

// The lines of a metrics.jsonl up to and with `step`, without a torn or malformed line and what follows it.
std::string metrics_until(const std::string& text, int64_t step);

}  // namespace t6
