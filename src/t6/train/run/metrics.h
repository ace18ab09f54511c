// What a run writes down while it goes: metrics.jsonl for people and `t6 report`, event files for TensorBoard.
#pragma once

#include <cstdint>
#include <filesystem>

#include "t6/core/file.h"
#include "t6/formats/run_files.h"
#include "t6/train/events/event_file.h"

namespace t6 {

// Appends to FOLDER/metrics.jsonl, a line a record, and to an event file. A kill leaves at most the last line torn.
class Metrics {
 public:
  // Goes on after `step`: lines of later steps, and a torn one, are cut off. Step 0 begins anew.
  Metrics(const std::filesystem::path& folder, int64_t step);

  // Errors: a full disk.
  void add(const StepRecord& record);
  void add(const ValidationRecord& record);
  const std::filesystem::path& event_file() const { return events_.path(); }
  void sync();  // all lines survive a power cut

 private:
  AppendFile lines_;
  EventFile events_;
};

}  // namespace t6
