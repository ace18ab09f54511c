// Text to token shards: what 't6 prepare' does. The result is a folder with train_000000.bin, ..., val_000000.bin, ...,
// tokenizer.json and data.json, put in place only when all of it is there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/core/threads.h"
#include "t6/text/data_summary.h"
#include "t6/text/documents.h"
#include "t6/text/tokenizer.h"

namespace t6 {

struct PrepareOptions {
  std::vector<std::filesystem::path> inputs;  // as find_documents takes them
  // Of each input: how often its documents for training are written; 0.5 writes about half of them, 2.5 all of them
  // twice, far apart, and about half once more. Empty: each once.
  std::vector<double> weights;
  std::filesystem::path out;
  bool force = false;               // replace an earlier result in `out`
  std::string text_field = "text";  // as in DocumentOptions, and the next
  TextFormat format = TextFormat::by_name;
  bool skip_bad_lines = false;  // lines and rows without a text are counted and passed over instead of an error
  std::string separator;
  std::optional<int64_t> document_bytes;  // by default chosen by automatic_document_bytes
  double val_fraction = 0.05;             // of the documents, in [0, 0.5]
  std::optional<int64_t> val_documents;   // instead of a fraction: the first so many documents
  uint64_t seed = 0;
  int64_t shard_tokens = 100'000'000;
  std::string tokenizer_name = "bytes";  // for data.json
  Threads threads;
  const CancelToken* cancel = nullptr;
};

// What was not read.
struct PrepareNotes {
  std::vector<PassedOver> passed_over;
  std::string first_bad_line;  // what is wrong with it; how many there are is in the summary
};

// The output does not depend on the threads, and memory not on the size of the input, lines of JSONL aside.
// `progress` is called now and then with the bytes read and their total, 0 when that is not known; `notes` may be null.
// Errors: the inputs hold no text, text that is
// not UTF-8, a malformed line, no document for one of the two splits, `out` is in use, a full disk, cancelled.
// After an error `out` is what it was before.
DataSummary prepare(const PrepareOptions& options, const Tokenizer& tokenizer,
                    const std::function<void(int64_t done, int64_t total)>& progress, PrepareNotes* notes = nullptr);

// Exactly one document of every 1 / fraction consecutive ones is for validation; which, the seed says.
bool is_validation_document(int64_t document, double fraction, uint64_t seed);

// 0: a text file is one document. When that would make too few documents to have some for validation (one book), the
// size of the pieces: 64 KiB, or less for a small input.
int64_t automatic_document_bytes(const std::vector<std::filesystem::path>& files, const PrepareOptions& options);

}  // namespace t6
