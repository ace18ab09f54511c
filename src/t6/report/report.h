// The report of a training run: what its folder says, as one HTML page that opens anywhere, offline.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "t6/formats/json.h"
#include "t6/model/config.h"

namespace t6 {

// A number that is absent or null in metrics.jsonl (JSON has no NaN) is NaN here.
struct TrainingMetrics {
  int64_t step = 0, tokens = 0;  // tokens: seen in training up to here
  double loss = 0;               // nats a token
  double learning_rate = 0, grad_norm = 0, tokens_per_second = 0, seconds = 0;
};
struct ValidationMetrics {
  int64_t step = 0, tokens = 0;
  double loss = 0;  // nats a token
  double bits_per_byte = 0;
};

struct Sample {
  std::string prompt, text;  // the text goes on where the prompt ends
};

struct ReportData {
  std::string name;
  Json run;  // run.json
  ModelConfig model;
  std::vector<TrainingMetrics> training;      // by step
  std::vector<ValidationMetrics> validation;  // by step
  std::vector<Sample> samples;
  std::string samples_note;  // how the samples were made, or why there are none
};

// Everything but the samples, from run.json, metrics.jsonl and, once there is one, model/config.json. Where a resumed
// run repeats steps, the later lines count. A last line without its newline is left out: the run was killed while it
// wrote. Errors: not a run folder; a line that is malformed (its file and number are named).
ReportData read_run(const std::filesystem::path& folder);

// The page, HTML with everything inside it: style, charts and a script for read-outs that it can do without. A pure
// function; every text of the run is escaped.
std::string render_report(const ReportData& data);

}  // namespace t6
