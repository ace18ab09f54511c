// How likely texts are after their contexts, for many documents at once: what a document's choices have in common is
// read once, and so is what all documents begin with.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "t6/eval/task_scores.h"
#include "t6/eval/tasks/encode.h"
#include "t6/infer/cache.h"
#include "t6/infer/forward.h"

namespace t6 {

using EncodedDocument = std::vector<EncodedText>;  // of each choice

class LikelihoodReader {
 public:
  // The context outlives this.
  LikelihoodReader(Context& context, const LoadedModel& loaded, NumberType cache_type);

  // From here on documents begin as these do, all of them; what they have in common is read when it is worth it.
  void begin_group(std::span<const EncodedDocument> documents);

  // The scores of each document's choices. A document's do not depend on those that are read with it, beyond the last
  // digits.
  std::vector<std::vector<ChoiceScore>> read(std::span<const EncodedDocument> documents);

  // Bytes that the caches of a document take at most.
  int64_t cache_bytes(const EncodedDocument& document) const;

 private:
  // A document under way: its cache holds what its choices have in common.
  struct Reading {
    const EncodedDocument* document = nullptr;
    std::vector<ChoiceScore>* scores = nullptr;
    size_t common = 0;  // tokens
    std::optional<FactorCache> cache, branch;
  };
  // Tokens to be read after those in a cache, and whose they are.
  struct Piece {
    FactorCache* cache = nullptr;
    std::span<const int32_t> tokens;
    Logits wanted = Logits::none;
    Reading* reading = nullptr;
    size_t choice = 0;    // of which the tokens are the rest; not of the common part
    size_t position = 0;  // of the first token
  };
  // A row of logits, a token after it, and where its score goes.
  struct Target {
    const float* row = nullptr;
    int32_t token = 0;
    ChoiceScore* score = nullptr;
    double log_probability = 0;
    bool greedy = false;
  };

  FactorCache new_cache() const;
  void read_common(std::vector<Reading>& readings);
  void read_choices(std::vector<Reading>& readings, size_t choice);
  void run(std::vector<Piece> pieces);
  int64_t piece_size(const Piece& piece) const;
  void gather(const Piece& piece, std::span<const float> rows);
  void score_targets();

  Context& context_;
  std::shared_ptr<const Model> model_;
  CacheOptions options_;
  ForwardPass pass_;
  int64_t most_rows_;                     // of logits in a piece
  std::vector<int32_t> shared_;           // tokens that all documents of the group begin with
  std::optional<FactorCache> beginning_;  // which holds them
  std::vector<Target> targets_;           // of one run
};

}  // namespace t6
