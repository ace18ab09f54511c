// t6 tokenizer train: a vocabulary for the given texts.
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "t6/cli/interrupt.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"
#include "t6/text/bpe_trainer.h"
#include "t6/text/documents.h"

namespace t6 {
namespace {

struct TrainingOptions {
  std::vector<std::filesystem::path> inputs;
  std::string out;
  std::string pattern = "gpt2";
  int64_t vocab_size = 8192;
  DocumentOptions documents;
};

void stop_if_interrupted() { require(!interrupt_token().cancelled(), "interrupted; no tokenizer was written"); }

void count_words(const TrainingOptions& arguments, BytePairTrainer& trainer) {
  const std::vector<std::filesystem::path> files = find_documents(arguments.inputs);
  int64_t total = 0;
  for (const auto& path : files) {
    if (std::filesystem::is_regular_file(path)) total += static_cast<int64_t>(std::filesystem::file_size(path));
  }
  ProgressBar progress("counting words", total, "B");
  DocumentOptions options = arguments.documents;
  options.cancel = &interrupt_token();
  DocumentReader reader(files, options);
  for (DocumentPart part; reader.next(part);) {
    trainer.add(reader.text(std::move(part)));
    progress.update(reader.bytes_read());
    stop_if_interrupted();
  }
  progress.finish();
}

void run(const TrainingOptions& arguments) {
  catch_interrupts();
  BytePairTrainer trainer(arguments.pattern);
  count_words(arguments, trainer);
  ProgressBar progress("merging", arguments.vocab_size - BytePairTrainer::kSmallestVocabulary, "tokens");
  const Json tokenizer = trainer.train(arguments.vocab_size, [&](int64_t done, int64_t) {
    progress.update(done);
    stop_if_interrupted();
  });
  progress.finish();
  write_json(arguments.out, tokenizer);
  const size_t tokens = tokenizer["model"]["vocab"].size();
  fmt::print("{}: {} tokens from {} distinct words\n", arguments.out, format_digits(static_cast<int64_t>(tokens)),
             format_digits(trainer.distinct_words()));
  if (static_cast<int64_t>(tokens) < arguments.vocab_size) {
    fmt::print("every word is one token, so there is nothing more to learn\n");
  }
}

}  // namespace

void add_tokenizer_train(CLI::App& tokenizer) {
  auto arguments = std::make_shared<TrainingOptions>();
  CLI::App* command = tokenizer.add_subcommand("train", "Learn a byte-level BPE vocabulary from text");
  command
      ->add_option("input", arguments->inputs,
                   "Text and JSONL files, folders of these, or -: as 't6 prepare' takes them")
      ->required();
  command->add_option("-o,--out", arguments->out, "The tokenizer.json to write")->required();
  command->add_option("--vocab-size", arguments->vocab_size, "Tokens to have, with the 256 bytes and <|endoftext|>")
      ->capture_default_str()
      ->check(CLI::Range(BytePairTrainer::kSmallestVocabulary, int64_t{std::numeric_limits<int32_t>::max()}));
  command->add_option("--pattern", arguments->pattern, "Where text is cut into words: as this family does it")
      ->capture_default_str()
      ->check(CLI::IsMember({"gpt2", "llama3", "qwen2", "smollm2"}));
  command
      ->add_option("--field,--text-field", arguments->documents.text_field,
                   "Key of a JSONL line, or column of a Parquet file, that holds its text")
      ->capture_default_str();
  command->footer("Example:\n  t6 tokenizer train book.txt --vocab-size 4096 --out tokenizer.json");
  command->callback([=] { run(*arguments); });
}

}  // namespace t6
