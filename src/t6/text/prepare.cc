#include "t6/text/prepare.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <string_view>
#include <system_error>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/core/random.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/formats/token_shard.h"
#include "t6/text/documents.h"
#include "t6/text/documents/cuts.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

// The folder beside `out` in which the result grows. Destroyed without commit, it leaves nothing.
class PartialFolder {
 public:
  PartialFolder(const fs::path& out, bool force) : out_(out.has_filename() ? out : out.parent_path()) {
    require(!out_.empty() && out_.filename() != "." && out_.filename() != "..",
            "'{}' cannot be the output: name a folder that may be made anew", out.string());
    std::error_code error;
    const bool used = fs::exists(out_, error) && !(fs::is_directory(out_, error) && fs::is_empty(out_, error));
    require(!used || force, "{}: already there and not empty; --force replaces it", out_.string());
    // --force is for earlier results; it must not cost anyone another folder.
    require(!used || fs::exists(out_ / kDataSummaryFile, error),
            "{}: not replaced, since it holds no {} of an earlier run", out_.string(), kDataSummaryFile);
    path_ = out_.string() + ".partial";
    fs::remove_all(path_, error);
    make_folder(path_);
  }
  ~PartialFolder() {
    std::error_code ignored;
    if (!committed_) fs::remove_all(path_, ignored);
  }
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;

  const fs::path& path() const { return path_; }

  void commit() {
    const fs::path old = out_.string() + ".replaced";
    std::error_code error;
    const bool replace = fs::exists(out_, error) && !fs::is_empty(out_, error);
    if (replace) {
      fs::remove_all(old, error);
      fs::rename(out_, old, error);
      require(!error, "{}: cannot rename to {}: {}", out_.string(), old.string(), error.message());
    }
    commit_folder(path_, out_);
    committed_ = true;
    if (replace) fs::remove_all(old, error);
  }

 private:
  fs::path out_, path_;
  bool committed_ = false;
};

// One split as it is written.
struct Split {
  Split(const fs::path& folder, const char* name, int bytes_per_token, int64_t shard_tokens)
      : shards(folder, name, bytes_per_token, shard_tokens) {}

  SplitSummary finish() {
    shards.finish();
    return {documents, shards.size(), bytes, shards.shards()};
  }

  TokenShardSetWriter shards;
  int64_t documents = 0;
  int64_t bytes = 0;
};

struct EncodedPart {
  std::vector<int32_t> tokens;
  int64_t bytes = 0;
  std::exception_ptr error;
};

void require_not_cancelled(const PrepareOptions& options) {
  require(!options.cancel || !options.cancel->cancelled(), "interrupted; nothing was written");
}

EncodedPart encode(const PrepareOptions& options, DocumentPart&& part, const DocumentReader& reader,
                   const Tokenizer& tokenizer, int32_t end_of_text) {
  EncodedPart encoded;
  const bool last = part.last, json = part.json;
  bool goes_on = !part.first;
  const std::string text = reader.text(std::move(part));
  if (json && is_blank(text)) return encoded;
  for (std::string_view rest = text; !rest.empty();) {  // a line of JSONL may be long
    require_not_cancelled(options);
    const size_t size = rest.size() <= kPartBytes ? rest.size() : safe_cut(rest, kPartBytes);
    if (goes_on) {
      tokenizer.encode_further(rest.substr(0, size), encoded.tokens);
    } else {
      encoded.tokens = tokenizer.encode(rest.substr(0, size));
    }
    goes_on = true;
    rest.remove_prefix(size);
  }
  if (last) encoded.tokens.push_back(end_of_text);
  encoded.bytes = static_cast<int64_t>(text.size());
  return encoded;
}

// Encodes on all threads. The results are in the order of the parts, errors included, so that the first bad line is the
// one that gets reported.
std::vector<EncodedPart> encode_all(const PrepareOptions& options, std::vector<DocumentPart>& parts,
                                    const DocumentReader& reader, const Tokenizer& tokenizer, int32_t end_of_text) {
  std::vector<EncodedPart> results(parts.size());
  std::atomic<size_t> next = 0;  // parts differ in size: each thread takes another when it is free
  const int64_t threads = std::min<int64_t>(options.threads.count(), static_cast<int64_t>(parts.size()));
  options.threads.parallel_for(threads, 1, [&](int64_t, int64_t) {
    for (size_t i = next++; i < parts.size(); i = next++) {
      try {
        results[i] = encode(options, std::move(parts[i]), reader, tokenizer, end_of_text);
      } catch (...) {
        results[i].error = std::current_exception();
      }
    }
  });
  return results;
}

// Parts for one round of encode_all: two full ones per thread, or as many small ones as make that.
std::vector<DocumentPart> read_round(const PrepareOptions& options, DocumentReader& reader) {
  const auto wanted = static_cast<size_t>(options.threads.count()) * 2 * kPartBytes;
  std::vector<DocumentPart> parts;
  for (size_t bytes = 0; bytes < wanted;) {
    DocumentPart part;
    if (!reader.next(part)) break;
    bytes += part.bytes.size();
    parts.push_back(std::move(part));
  }
  return parts;
}

int64_t total_bytes(const std::vector<fs::path>& files) {
  int64_t total = 0;
  for (const fs::path& file : files) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    require(!error, "{}: cannot read its size: {}", file.string(), error.message());
    total += static_cast<int64_t>(size);
  }
  return total;
}

// Consecutive documents of which at least one is for validation.
int64_t validation_period(const PrepareOptions& options) {
  if (options.val_documents) return *options.val_documents + 1;
  // No more than the millionths of is_validation_document can tell apart.
  return options.val_fraction > 0 ? static_cast<int64_t>(std::ceil(std::min(1 / options.val_fraction, 1e6))) : 1;
}

void require_both_splits(const PrepareOptions& options, const DataSummary& summary) {
  const int64_t train = summary.train.documents, val = summary.val.documents;
  require(train + val > 0, "{}: no text in the input", options.inputs.front().string());
  require(train > 0, "all {} documents went to validation and none is left to train on", val);
  const bool none_wanted = options.val_documents ? *options.val_documents == 0 : options.val_fraction == 0;
  require(val > 0 || none_wanted,
          "none of the {} documents fell into the validation part of {}: make it larger (--val-fraction), cut smaller "
          "documents (--document-bytes) or do without it (--val-fraction 0)",
          train, options.val_fraction);
}

}  // namespace

bool is_validation_document(int64_t document, double fraction, uint64_t seed) {
  // In whole millionths, so that every document of a stratum computes the same bounds.
  constexpr int64_t kMillion = 1'000'000;
  const int64_t millionths = std::llround(fraction * kMillion);
  if (millionths <= 0) return false;
  const int64_t stratum = document * millionths / kMillion;
  const auto first_of = [&](int64_t s) { return (s * kMillion + millionths - 1) / millionths; };
  const int64_t begin = first_of(stratum), end = first_of(stratum + 1);
  const auto chosen = Random(seed, static_cast<uint64_t>(stratum)).below(static_cast<uint64_t>(end - begin));
  return document == begin + static_cast<int64_t>(chosen);
}

int64_t automatic_document_bytes(const std::vector<fs::path>& files, const PrepareOptions& options) {
  const int64_t period = validation_period(options);
  if (!options.separator.empty() || std::any_of(files.begin(), files.end(), is_json_lines) ||
      static_cast<int64_t>(files.size()) >= period) {
    return 0;
  }
  return std::clamp<int64_t>(total_bytes(files) / (2 * period), 256, 64 * 1024);
}

DataSummary prepare(const PrepareOptions& options, const Tokenizer& tokenizer,
                    const std::function<void(int64_t, int64_t)>& progress) {
  require(options.val_fraction >= 0 && options.val_fraction <= 0.5,
          "the part of the documents for validation must be from 0 to 0.5, not {}", options.val_fraction);
  const std::optional<int32_t> end_of_text = tokenizer.end_of_text();
  require(end_of_text.has_value(), "the tokenizer {} has no end-of-text token to put between documents",
          options.tokenizer_name);
  const std::vector<fs::path> files = find_documents(options.inputs);
  const int64_t total = total_bytes(files);
  const int64_t document_bytes =
      options.document_bytes ? *options.document_bytes : automatic_document_bytes(files, options);
  PartialFolder folder(options.out, options.force);
  DocumentReader reader(files, {options.text_field, options.separator, document_bytes});
  const int bytes_per_token = tokenizer.vocab_size() <= 65536 ? 2 : 4;
  Split train(folder.path(), "train", bytes_per_token, options.shard_tokens);
  Split val(folder.path(), "val", bytes_per_token, options.shard_tokens);

  progress(0, total);
  for (std::vector<DocumentPart> parts; !(parts = read_round(options, reader)).empty();) {
    const std::vector<EncodedPart> encoded = encode_all(options, parts, reader, tokenizer, *end_of_text);
    for (size_t i = 0; i < parts.size(); ++i) {
      if (encoded[i].error) std::rethrow_exception(encoded[i].error);
      if (encoded[i].tokens.empty()) continue;
      const bool is_val = options.val_documents
                              ? parts[i].document < *options.val_documents
                              : is_validation_document(parts[i].document, options.val_fraction, options.seed);
      Split& split = is_val ? val : train;
      split.shards.append(encoded[i].tokens);
      split.bytes += encoded[i].bytes;
      split.documents += parts[i].last;
    }
    require_not_cancelled(options);
    progress(std::min(reader.bytes_read(), total), total);
  }
  const DataSummary summary = {options.tokenizer_name, tokenizer.vocab_size(), options.seed,
                               document_bytes,         train.finish(),         val.finish()};
  require_both_splits(options, summary);
  write_text(folder.path() / kTokenizerFile, tokenizer.json());
  write_json(folder.path() / kDataSummaryFile, to_json(summary));
  folder.commit();
  return summary;
}

}  // namespace t6
