// Training and validation sequences out of token shards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "t6/formats/token_shard.h"
#include "t6/text/data_facts.h"

namespace t6 {

// Sequences of `context` tokens and, one further on, their targets.
class Sequences {
 public:
  // Errors: those of TokenShardSet, and a split that is shorter than one sequence.
  Sequences(const std::filesystem::path& path, std::string split, int64_t context, int64_t vocab_size);

  int64_t tokens() const { return shards_.size(); }
  int64_t context() const { return context_; }
  std::vector<std::filesystem::path> files() const;

  // Sequence i begins at token begins[i]. inputs and targets: [begins.size(), context]. Errors: a token that the
  // vocabulary does not have, a file that has shrunk.
  void read(std::span<const int64_t> begins, std::span<int64_t> inputs, std::span<int64_t> targets) const;

 private:
  std::filesystem::path path_;
  std::string split_;
  TokenShardSet shards_;
  int64_t context_, vocab_size_;
};

// The order of training: in each epoch every sequence once, shuffled, the cuts between them moved. Sequence n of a run
// is a function of these numbers and the seed alone, so a resumed run goes on exactly, and no shuffled list is kept.
class ShuffledOrder {
 public:
  ShuffledOrder(int64_t tokens, int64_t context, uint64_t seed);

  int64_t epoch_sequences() const { return count_; }
  int64_t begin(int64_t sequence) const;  // where sequence 0, 1, ... of the run begins

 private:
  int64_t tokens_, context_, count_;
  uint64_t seed_;
};

// Begins of at most `count` sequences (0: as many as fit) that lie evenly over the tokens and do not overlap.
std::vector<int64_t> even_begins(int64_t tokens, int64_t context, int64_t count);

}  // namespace t6
