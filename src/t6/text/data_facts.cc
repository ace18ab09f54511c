#include "t6/text/data_facts.h"

#include "t6/formats/model_files.h"
#include "t6/text/data_summary.h"
#include "t6/text/tokenizer.h"

namespace t6 {

DataFacts read_data_facts(const std::filesystem::path& path) {
  DataFacts facts;
  if (!std::filesystem::is_directory(path)) return facts;
  if (const auto tokenizer = path / kTokenizerFile; std::filesystem::exists(tokenizer)) facts.tokenizer = tokenizer;
  if (std::filesystem::exists(path / kDataSummaryFile)) {
    const DataSummary summary = read_data_summary(path);
    facts.vocab_size = summary.vocab_size;
    if (summary.val.tokens > 0 && summary.val.bytes > 0) {
      facts.bytes_per_token = static_cast<double>(summary.val.bytes) / static_cast<double>(summary.val.tokens);
    }
  } else if (!facts.tokenizer.empty()) {
    facts.vocab_size = load_tokenizer(facts.tokenizer)->vocab_size();
  }
  return facts;
}

}  // namespace t6
