#include "t6/text/data_summary.h"

#include "t6/formats/json.h"

namespace t6 {
namespace {

Json split_json(const SplitSummary& split) {
  return {{"documents", split.documents}, {"tokens", split.tokens}, {"bytes", split.bytes}, {"shards", split.shards}};
}

SplitSummary read_split(const JsonObject& split) {
  const auto count = [&](const char* key) { return split.integer(key, 0, INT64_MAX); };
  return {count("documents"), count("tokens"), count("bytes"), count("shards")};
}

}  // namespace

Json to_json(const DataSummary& summary) {
  return {{"tokenizer", summary.tokenizer},
          {"vocab_size", summary.vocab_size},
          {"seed", summary.seed},
          {"document_bytes", summary.document_bytes},
          {"train", split_json(summary.train)},
          {"val", split_json(summary.val)},
          {"skipped_lines", summary.skipped_lines}};
}

DataSummary read_data_summary(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kDataSummaryFile;
  const Json json = read_json(path);
  const JsonObject object(json, path.string());
  return {.tokenizer = object.string("tokenizer"),
          .vocab_size = object.integer("vocab_size", 1, INT32_MAX),
          .seed = static_cast<uint64_t>(object.integer("seed", 0, INT64_MAX)),
          .document_bytes = object.integer_or("document_bytes", 0, 0, INT64_MAX),
          .train = read_split(object.object("train")),
          .val = read_split(object.object("val")),
          .skipped_lines = object.integer_or("skipped_lines", 0, 0, INT64_MAX)};
}

}  // namespace t6
