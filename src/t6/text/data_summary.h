// data.json, the description of a folder of token shards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "t6/formats/json_object.h"

namespace t6 {

constexpr const char* kDataSummaryFile = "data.json";

struct SplitSummary {
  int64_t documents = 0;
  int64_t tokens = 0;  // with the end-of-text token of every document
  int64_t bytes = 0;   // of text: what bits per byte are counted over
  int64_t shards = 0;
};

struct DataSummary {
  std::string tokenizer;  // "bytes", or the path that was given
  int64_t vocab_size = 0;
  uint64_t seed = 0;
  int64_t document_bytes = 0;  // above 0: text files were cut into documents of at most this size
  SplitSummary train, val;
  int64_t skipped_lines = 0;  // bad lines of JSONL
};

Json to_json(const DataSummary& summary);

// Reads data.json in `folder`. Errors: missing, malformed.
DataSummary read_data_summary(const std::filesystem::path& folder);

}  // namespace t6
