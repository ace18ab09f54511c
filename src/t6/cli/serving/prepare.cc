// t6 prepare: text files, folders and JSONL to token shards.
#include "t6/text/prepare.h"

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

struct Arguments {
  PrepareOptions options;
  std::string document_bytes, separator;
  int64_t seed = 0, val_documents = 0;
  int threads = 0;
  bool json = false;
};

constexpr const char* kFooter = R"(Examples:
  t6 prepare book.txt --out data/book
  t6 prepare stories/ more.jsonl --out data/stories --tokenizer models/llama
  t6 prepare TinyStories.txt --document-separator '<|endoftext|>' --out data/stories

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

void print_summary(const DataSummary& summary, const std::string& out) {
  if (summary.document_bytes > 0) {
    fmt::print("text files were cut into documents of at most {}, where paragraphs end\n",
               format_bytes(static_cast<double>(summary.document_bytes)));
  }
  fmt::print("{} (tokenizer: {}, vocabulary: {})\n", out, summary.tokenizer, format_digits(summary.vocab_size));
  print_split("train", summary.train);
  print_split("val", summary.val);
}

void run(Arguments& arguments, bool fixed_val_documents) {
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
  if (fixed_val_documents) options.val_documents = arguments.val_documents;
  catch_interrupts();
  options.cancel = &interrupt_token();
  const auto tokenizer = options.tokenizer_name == "bytes" ? byte_tokenizer() : load_tokenizer(options.tokenizer_name);
  std::unique_ptr<ProgressBar> bar;
  const DataSummary summary = prepare(options, *tokenizer, [&](int64_t done, int64_t total) {
    if (!bar) bar = std::make_unique<ProgressBar>("preparing", total, "B");
    bar->update(done);
  });
  if (bar) bar->finish();
  if (arguments.json) {
    Json json = to_json(summary);
    json["out"] = options.out.string();
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_summary(summary, options.out.string());
  }
}

}  // namespace

void add_prepare(CLI::App& app) {
  auto* command = app.add_subcommand("prepare", "Turn text into token shards for training and validation");
  auto arguments = std::make_shared<Arguments>();
  PrepareOptions& options = arguments->options;
  arguments->document_bytes = "auto";
  command->footer(kFooter);
  command->add_option("input", options.inputs, "Text files, .jsonl files, folders of *.txt, *.md and *.jsonl")
      ->required()
      ->type_name("PATH");
  command->add_option("-o,--out", options.out, "Folder to make: token shards, tokenizer.json, data.json")
      ->required()
      ->type_name("DIR");
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
  command->add_option("--text-field", options.text_field, "Key of a JSONL line that holds its text")
      ->capture_default_str();
  auto* separator = command->add_option("--document-separator", arguments->separator,
                                        "Text between two documents of a text file; \\n and \\t are understood");
  command
      ->add_option("--document-bytes", arguments->document_bytes,
                   "Cut text files into documents of at most this size (64KiB), or 'none'")
      ->capture_default_str()
      ->type_name("SIZE")
      ->excludes(separator);
  command->add_flag("--force", options.force, "Replace the result of an earlier run");
  command->add_flag("--json", arguments->json, "Print the summary as JSON");
  command->callback([arguments, documents] { run(*arguments, documents->count() > 0); });
}

}  // namespace t6
