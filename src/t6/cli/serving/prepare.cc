// t6 prepare: text files, folders and JSONL to token shards.
#include "t6/text/prepare.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "t6/cli/interrupt.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

struct PrepareCommandOptions {
  PrepareOptions options;
  std::string document_bytes, separator, format = "auto";
  int64_t seed = 0, val_documents = 0;
  int threads = 0;
  bool json = false;
};

const std::map<std::string, TextFormat> kFormats = {{"auto", TextFormat::by_name},
                                                    {"text", TextFormat::text},
                                                    {"jsonl", TextFormat::jsonl},
                                                    {"parquet", TextFormat::parquet}};

constexpr const char* kFooter = R"(Examples:
  t6 prepare book.txt --out data/book
  t6 prepare stories/ more.jsonl --out data/stories --tokenizer models/llama
  t6 prepare books/ code.jsonl.zst --weight 2 --weight 0.5 --out data/mixed
  t6 prepare TinyStories.txt --document-separator '<|endoftext|>' --out data/stories

  zcat crawl.jsonl.gz | t6 prepare - --format jsonl --field page.text --out data/crawl

A file is a document, and so is a line of JSONL; each ends with the tokenizer's end-of-text token.
When text files are too few to spare one for validation (a single book), they are cut where
paragraphs end into documents of at most 64 KiB; --document-bytes sets another size or none.
The output is the same for any number of threads.)";

// A separator as people can type it: \n, \t and \\ stand for themselves.
std::string unescape(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    const char meant = next == 'n' ? '\n' : next == 't' ? '\t' : next == '\\' ? '\\' : '\0';
    result += meant ? meant : text[i];
    if (meant) ++i;
  }
  return result;
}

void print_split(const char* name, const SplitSummary& split) {
  fmt::print("  {:<5} {:>11} documents {:>15} tokens  {:>9} of text  {} shard{}\n", name,
             format_digits(split.documents), format_digits(split.tokens),
             format_bytes(static_cast<double>(split.bytes)), split.shards, split.shards == 1 ? "" : "s");
}

void print_passed_over(const PrepareNotes& notes, const DataSummary& summary) {
  constexpr size_t kShown = 10;
  for (size_t i = 0; i < std::min(kShown, notes.passed_over.size()); ++i) {
    fmt::print("passed over: {} ({})\n", notes.passed_over[i].path.string(), notes.passed_over[i].reason);
  }
  if (notes.passed_over.size() > kShown) fmt::print("passed over: {} more\n", notes.passed_over.size() - kShown);
  if (summary.skipped_lines > 0) {
    fmt::print("bad lines passed over: {}; the first: {}\n", format_digits(summary.skipped_lines),
               notes.first_bad_line);
  }
}

void print_summary(const DataSummary& summary, const std::string& out) {
  if (summary.document_bytes > 0) {
    fmt::print("text files were cut into documents of at most {}, where paragraphs end\n",
               format_bytes(static_cast<double>(summary.document_bytes)));
  }
  fmt::print("{} (tokenizer: {}, vocabulary: {})\n", out, summary.tokenizer, format_digits(summary.vocab_size));
  print_split("train", summary.train);
  print_split("val", summary.val);
}

void run(PrepareCommandOptions& arguments, bool fixed_val_documents) {
  PrepareOptions& options = arguments.options;
  if (arguments.threads > 0) options.threads = Threads(arguments.threads);
  options.seed = static_cast<uint64_t>(arguments.seed);
  options.separator = unescape(arguments.separator);
  if (arguments.document_bytes == "none") {
    options.document_bytes = 0;
  } else if (arguments.document_bytes != "auto") {
    options.document_bytes = parse_bytes(arguments.document_bytes);
  } else if (!options.separator.empty()) {
    options.document_bytes = 0;
  }
  options.format = kFormats.at(arguments.format);
  if (fixed_val_documents) options.val_documents = arguments.val_documents;
  catch_interrupts();
  options.cancel = &interrupt_token();
  const auto tokenizer = options.tokenizer_name == "bytes" ? byte_tokenizer() : load_tokenizer(options.tokenizer_name);
  std::unique_ptr<ProgressBar> bar;
  PrepareNotes notes;
  const auto progress = [&](int64_t done, int64_t total) {
    if (!bar) bar = std::make_unique<ProgressBar>("preparing", total, "B");
    bar->update(done);
  };
  const DataSummary summary = prepare(options, *tokenizer, progress, &notes);
  if (bar) bar->finish();
  if (arguments.json) {
    Json json = to_json(summary);
    json["out"] = options.out.string();
    json["passed_over"] = Json::array();
    for (const PassedOver& each : notes.passed_over) {
      json["passed_over"].push_back({{"path", each.path.string()}, {"reason", each.reason}});
    }
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_passed_over(notes, summary);
    print_summary(summary, options.out.string());
  }
}

}  // namespace

void add_prepare(CLI::App& app) {
  auto* command = app.add_subcommand("prepare", "Turn text into token shards for training and validation");
  auto arguments = std::make_shared<PrepareCommandOptions>();
  PrepareOptions& options = arguments->options;
  arguments->document_bytes = "auto";
  command->footer(kFooter);
  command
      ->add_option("input", options.inputs,
                   "Text files, JSONL files (.jsonl, .ndjson, .json), either with .gz or .zst behind it, Parquet "
                   "files, folders of "
                   "these, or - for standard input")
      ->required()
      ->type_name("PATH");
  command->add_option("-o,--out", options.out, "Folder to make: token shards, tokenizer.json, data.json")
      ->required()
      ->type_name("DIR");
  command
      ->add_option(
          "--weight", options.weights,
          "How often an input's documents are written for training, such as 2.5; once for each input, in order")
      ->allow_extra_args(false)
      ->type_name("NUMBER");
  command->add_option("--tokenizer", options.tokenizer_name, "A tokenizer.json, a folder that holds one, or 'bytes'")
      ->capture_default_str()
      ->type_name("PATH");
  auto* fraction =
      command->add_option("--val-fraction", options.val_fraction, "Part of the documents kept for validation, 0 to 0.5")
          ->capture_default_str()
          ->check(CLI::Range(0.0, 0.5).description(""));
  auto* documents = command
                        ->add_option("--val-documents", arguments->val_documents,
                                     "Keep the first so many documents for validation instead")
                        ->check(CLI::Range(int64_t{0}, int64_t{1} << 40).description(""))
                        ->excludes(fraction);
  command->add_option("--seed", arguments->seed, "Chooses the documents for validation")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{0}, INT64_MAX).description(""));
  command->add_option("--threads", arguments->threads, "Threads to encode with; by default all processors")
      ->check(CLI::Range(1, kMostThreads).description(""));
  command->add_option("--shard-tokens", options.shard_tokens, "Tokens in a shard")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{INT32_MAX}).description(""));
  command
      ->add_option("--field,--text-field", options.text_field,
                   "Key of a JSONL line, or column of a Parquet file, that holds its text; a.b is the key b of the "
                   "object under a")
      ->capture_default_str();
  command
      ->add_option("--format", arguments->format,
                   "What the inputs are; by default their names say so: text, jsonl or parquet")
      ->capture_default_str()
      ->check(CLI::IsMember(kFormats));
  command->add_flag("--skip-bad-lines", options.skip_bad_lines,
                    "Count lines of JSONL and rows of Parquet that hold no text and pass over them");
  auto* separator = command->add_option("--document-separator", arguments->separator,
                                        "Text between two documents of a text file; \\n and \\t are understood");
  command
      ->add_option("--document-bytes", arguments->document_bytes,
                   "Cut text files into documents of at most this size (64KiB), or 'none'")
      ->capture_default_str()
      ->type_name("SIZE")
      ->excludes(separator);
  command->add_flag("--force", options.force, "Replace the result of an earlier run, and nothing else");
  command->add_flag("--json", arguments->json, "Print the summary as JSON");
  command->callback([arguments, documents] { run(*arguments, documents->count() > 0); });
}

}  // namespace t6
