// The report of a training run: what its folder says, as one HTML page that opens anywhere, offline.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "t6/formats/json.h"
#include "t6/formats/run_files.h"
#include "t6/model/config.h"

namespace t6 {

struct Sample {
  std::string prompt, text;  // the text goes on where the prompt ends
};

// Drawn while the run trained, by the checkpoint of a step.
struct TrainingSample {
  int64_t step = 0;
  Sample sample;
};

struct ReportData {
  std::string name;
  Json run;  // run.json
  ModelConfig model;
  std::vector<StepRecord> training;          // by step
  std::vector<ValidationRecord> validation;  // by step
  std::vector<Sample> samples;
  std::vector<TrainingSample> training_samples;  // by step
  std::string samples_note;                      // how the samples were made, or why there are none
};

// Everything but the samples, from run.json, metrics.jsonl, samples.jsonl and, once there is one, model/config.json.
// Where a resumed run repeats steps, the later lines count. A last line without its newline is left out: the run was
// killed while it wrote. Errors: not a run folder; a line that is malformed (its file and number are named).
ReportData read_run(const std::filesystem::path& folder);

// The page, HTML with everything inside it: style, charts and a script for read-outs that it can do without. A pure
// function; every text of the run is escaped.
std::string render_report(const ReportData& data);

}  // namespace t6
