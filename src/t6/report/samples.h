// Samples of text for the run report, drawn from the run's newest checkpoint.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/infer/sampler.h"
#include "t6/kernels/context.h"
#include "t6/report/report.h"

namespace t6 {

struct SampleOptions {
  std::vector<std::string> prompts;  // they take turns; empty: openings of passages of the run's validation data
  int64_t count = 3;                 // raised to one for each prompt
  int64_t max_tokens = 200;
  SamplerOptions sampler;               // each sample adds one to the seed
  const CancelToken* cancel = nullptr;  // ends the drawing early; null: nobody does

  int64_t total() const { return std::max(count, static_cast<int64_t>(prompts.size())); }
};

// Fills data.samples, and data.samples_note with how they were made. A run without a checkpoint has none, and neither
// has one whose validation data is not at hand when no prompt is given: the note says so. `progress` is called with
// the number of samples drawn, of total(). Cancelling ends it early. Errors: those of load_model, generate
// and of reading token shards.
void draw_samples(Context& context, const std::filesystem::path& run_folder, const SampleOptions& options,
                  ReportData& data, const std::function<void(int64_t done)>& progress);

// A short prompt out of running text: whole words from the first line or word that begins in it, about 60 bytes.
std::string opening(std::string_view text);

}  // namespace t6
