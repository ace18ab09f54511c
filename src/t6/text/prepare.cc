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
#include "t6/core/partial_folder.h"
#include "t6/core/random.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/formats/token_shard.h"
#include "t6/text/documents.h"
#include "t6/text/documents/cuts.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

constexpr double kMostWeight = 1000;  // times that a text is repeated

// "train_000000.bin"
bool is_shard_name(const std::string& name) {
  const size_t underscore = name.find('_');
  const std::string split = name.substr(0, underscore);
  return (split == "train" || split == "val") && name.ends_with(".bin") && name.size() > split.size() + 5 &&
         std::all_of(name.begin() + static_cast<std::ptrdiff_t>(underscore) + 1, name.end() - 4,
                     [](char c) { return c >= '0' && c <= '9'; });
}

// Whether there is an earlier result to replace. Error: `out` holds anything else; --force must not cost anyone another
// file.
bool find_earlier_result(const fs::path& out, bool force) {
  std::error_code error;
  if (!fs::exists(out, error) || (fs::is_directory(out, error) && fs::is_empty(out, error))) return false;
  require(force, "{}: already there and not empty; --force replaces it", out.string());
  require(fs::exists(out / kDataSummaryFile, error), "{}: not replaced, since it holds no {} of an earlier run",
          out.string(), kDataSummaryFile);
  (void)read_data_summary(out);  // or the data.json is another program's
  for (const auto& entry : fs::directory_iterator(out)) {
    const std::string name = entry.path().filename().string();
    require(name == kDataSummaryFile || name == kTokenizerFile || is_shard_name(name),
            "{}: not replaced, since it also holds {}, which is not of an earlier run", out.string(), name);
  }
  return true;
}

struct EncodedPart {
  std::vector<int32_t> tokens;
  int64_t bytes = 0;
  std::exception_ptr error;
  std::string bad_line;  // what is wrong with a line that is passed over
};

// One split as it is written.
struct Split {
  Split(const fs::path& folder, const char* name, int bytes_per_token, int64_t shard_tokens)
      : shards(folder, name, bytes_per_token, shard_tokens) {}

  void append(const EncodedPart& part, bool last) {
    shards.append(part.tokens);
    bytes += part.bytes;
    documents += last;
  }
  SplitSummary finish() {
    shards.finish();
    return {documents, shards.size(), bytes, shards.shards()};
  }

  TokenShardSetWriter shards;
  int64_t documents = 0;
  int64_t bytes = 0;
};

void require_not_cancelled(const PrepareOptions& options) {
  require(!options.cancel || !options.cancel->cancelled(), "interrupted; nothing was written");
}

EncodedPart encode(const PrepareOptions& options, DocumentPart&& part, const DocumentReader& reader,
                   const Tokenizer& tokenizer, int32_t end_of_text) {
  EncodedPart encoded;
  const bool last = part.last, record = part.is_record();
  bool goes_on = !part.first;
  std::string text;
  try {
    text = reader.text(std::move(part));
  } catch (const Error& error) {
    if (!record || !options.skip_bad_lines) throw;
    encoded.bad_line = error.what();
    return encoded;
  }
  if (record && is_blank(text)) return encoded;
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

DocumentOptions document_options(const PrepareOptions& options, int64_t document_bytes) {
  return {.text_field = options.text_field,
          .separator = options.separator,
          .document_bytes = document_bytes,
          .format = options.format,
          .cancel = options.cancel};
}

// The inputs' files, each with the weight of its input.
struct Sources {
  std::vector<fs::path> files;
  std::vector<double> weights;

  double heaviest() const { return *std::max_element(weights.begin(), weights.end()); }
};

Sources find_sources(const PrepareOptions& options, std::vector<PassedOver>* passed_over) {
  const std::vector<double>& weights = options.weights;
  require(!options.inputs.empty(), "no inputs are given");
  require(weights.empty() || weights.size() == options.inputs.size(),
          "{} weights are given for {} inputs; wanted one for each, in their order", weights.size(),
          options.inputs.size());
  Sources sources;
  for (size_t i = 0; i < options.inputs.size(); ++i) {
    const double weight = weights.empty() ? 1 : weights[i];
    require(weight > 0 && weight <= kMostWeight, "{}: a weight must be above 0 and at most {}, not {}",
            options.inputs[i].string(), kMostWeight, weight);
    for (fs::path& file : find_documents({options.inputs[i]}, passed_over)) {
      std::error_code error;
      require(weight <= 1 || fs::is_regular_file(file, error), "{}: a pipe is read once, so its weight is at most 1",
              file.string());
      sources.files.push_back(std::move(file));
      sources.weights.push_back(weight);
    }
  }
  return sources;
}

bool is_for_validation(const PrepareOptions& options, int64_t document) {
  return options.val_documents ? document < *options.val_documents
                               : is_validation_document(document, options.val_fraction, options.seed);
}

// Whether a document is written when all inputs are read for the pass-th time, from 0: those for validation once, the
// others as often as their weight says, which of them once more the seed.
bool is_written(const PrepareOptions& options, const Sources& sources, const DocumentPart& part, int64_t pass) {
  if (is_for_validation(options, part.document)) return pass == 0;
  const double left = sources.weights[part.file] - static_cast<double>(pass);
  if (left <= 0 || left >= 1) return left >= 1;
  Random random(options.seed, static_cast<uint64_t>(part.document));
  return random.uniform() < left;
}

// Parts for one round of encode_all: two full ones per thread, or as many small ones as make that.
template <typename Wanted>
std::vector<DocumentPart> read_round(const PrepareOptions& options, DocumentReader& reader, const Wanted& is_wanted) {
  const auto wanted = static_cast<size_t>(options.threads.count()) * 2 * kPartBytes;
  std::vector<DocumentPart> parts;
  for (size_t bytes = 0; bytes < wanted;) {
    DocumentPart part;
    if (!reader.next(part)) break;
    require_not_cancelled(options);
    if (!is_wanted(part)) continue;
    bytes += part.bytes.size();
    parts.push_back(std::move(part));
  }
  return parts;
}

// On disk; 0 where a pipe is among them.
int64_t total_bytes(const std::vector<fs::path>& files) {
  int64_t total = 0;
  for (const fs::path& file : files) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) return 0;
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
  const auto has_records = [&](const fs::path& file) {
    return (options.format == TextFormat::by_name ? format_by_name(file) : options.format) != TextFormat::text;
  };
  const bool records = std::any_of(files.begin(), files.end(), has_records);
  if (!options.separator.empty() || records || static_cast<int64_t>(files.size()) >= period) return 0;
  constexpr int64_t kMost = 64 * 1024;
  return std::clamp<int64_t>(
      text_bytes(files, kMost * 2 * std::min<int64_t>(period, 1 << 20), options.cancel) / (2 * period), 256, kMost);
}

DataSummary prepare(const PrepareOptions& options, const Tokenizer& tokenizer,
                    const std::function<void(int64_t, int64_t)>& progress, PrepareNotes* notes) {
  require(options.val_fraction >= 0 && options.val_fraction <= 0.5,
          "the part of the documents for validation must be from 0 to 0.5, not {}", options.val_fraction);
  const std::optional<int32_t> end_of_text = tokenizer.end_of_text();
  require(end_of_text.has_value(), "the tokenizer {} has no end-of-text token to put between documents",
          options.tokenizer_name);
  PrepareNotes unread;
  const Sources sources = find_sources(options, &unread.passed_over);
  const int64_t total = total_bytes(sources.files);
  const int64_t document_bytes =
      options.document_bytes ? *options.document_bytes : automatic_document_bytes(sources.files, options);
  find_earlier_result(options.out, options.force);
  PartialFolder folder(options.out);
  const int bytes_per_token = tokenizer.vocab_size() <= 65536 ? 2 : 4;
  Split train(folder.path(), "train", bytes_per_token, options.shard_tokens);
  Split val(folder.path(), "val", bytes_per_token, options.shard_tokens);

  int64_t skipped_lines = 0;
  const auto passes = static_cast<int64_t>(std::ceil(sources.heaviest()));
  progress(0, total * passes);
  for (int64_t pass = 0; pass < passes; ++pass) {
    DocumentReader reader(sources.files, document_options(options, document_bytes));
    const auto wanted = [&](const DocumentPart& part) { return is_written(options, sources, part, pass); };
    for (std::vector<DocumentPart> parts; !(parts = read_round(options, reader, wanted)).empty();) {
      const std::vector<EncodedPart> encoded = encode_all(options, parts, reader, tokenizer, *end_of_text);
      for (size_t i = 0; i < parts.size(); ++i) {
        if (encoded[i].error) std::rethrow_exception(encoded[i].error);
        const bool bad = !encoded[i].bad_line.empty() && pass == 0;
        if (bad && ++skipped_lines == 1) unread.first_bad_line = encoded[i].bad_line;
        if (encoded[i].tokens.empty()) continue;
        (is_for_validation(options, parts[i].document) ? val : train).append(encoded[i], parts[i].last);
      }
      require_not_cancelled(options);
      const int64_t read = reader.bytes_read();
      progress(total > 0 ? pass * total + std::min(read, total) : read, total * passes);
    }
  }
  const DataSummary summary = {options.tokenizer_name, tokenizer.vocab_size(), options.seed, document_bytes,
                               train.finish(),         val.finish(),           skipped_lines};
  if (notes) *notes = std::move(unread);
  require_both_splits(options, summary);
  write_text(folder.path() / kTokenizerFile, tokenizer.json());
  write_json(folder.path() / kDataSummaryFile, to_json(summary));
  if (find_earlier_result(options.out, options.force)) {
    folder.commit_replacing();
  } else {
    folder.commit();
  }
  return summary;
}

}  // namespace t6
