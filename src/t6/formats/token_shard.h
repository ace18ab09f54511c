// Token shards as llm.c and FineWeb write them: a header of 256 int32 (20240520, version, token count), then
// the tokens, little-endian: uint16 in version 1, uint32 in version 2. A split ("train", "val") is one or
// more shards in a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "t6/core/file.h"

namespace t6 {

// One shard, open for reading. It is not mapped: a training run outlives many things that happen to files.
class TokenShard {
 public:
  // Errors: not a token shard, another version, or a file longer or shorter than its header says.
  explicit TokenShard(const std::filesystem::path& path);

  int64_t size() const { return size_; }  // tokens
  int bytes_per_token() const { return bytes_per_token_; }
  const std::filesystem::path& path() const { return file_.path(); }

  // Tokens begin, begin + 1, ... fill `tokens`. The vocabulary is the caller's to check: any uint16 or uint32
  // may come back, those above 2^31 as negative numbers. Errors: a range outside [0, size()), a file that has shrunk
  // since it was opened.
  void read(int64_t begin, std::span<int32_t> tokens) const;
  int32_t token(int64_t index) const;

 private:
  FileReader file_;
  int64_t size_ = 0;
  int bytes_per_token_ = 2;
};

// The shards of one split, read as one long sequence of tokens.
class TokenShardSet {
 public:
  // The shards that find_token_shards gives. Errors: its errors and those of TokenShard.
  TokenShardSet(const std::filesystem::path& path, std::string_view split);

  int64_t size() const { return ends_.back(); }  // tokens in all shards
  const std::vector<TokenShard>& shards() const { return shards_; }

  // As TokenShard::read; the range may cross from one shard into the next.
  void read(int64_t begin, std::span<int32_t> tokens) const;

 private:
  std::vector<TokenShard> shards_;
  std::vector<int64_t> ends_;  // ends_[i]: tokens in shards 0 to i
};

// The files NAME.bin in `folder` with `split` as one word of NAME (edu_fineweb_val_000000.bin,
// tiny_train.bin), in the order of their names. A path to a file is that file, whatever the split. Errors: no
// such path, no such shard.
std::vector<std::filesystem::path> find_token_shards(const std::filesystem::path& path, std::string_view split);

// Whether the folder holds shards of the split. Error: no such folder.
bool has_token_shards(const std::filesystem::path& folder, std::string_view split);

// Writes one shard beside and renames it into place; destroyed without commit, it leaves nothing.
class TokenShardWriter {
 public:
  // bytes_per_token: 2 (version 1, ids below 65536) or 4 (version 2).
  TokenShardWriter(const std::filesystem::path& path, int bytes_per_token);

  int64_t size() const { return size_; }
  // Errors: a token that does not fit, more tokens than the header's int32 can count, a full disk.
  void append(std::span<const int32_t> tokens);
  void commit();

 private:
  void flush();

  FileWriter file_;
  std::filesystem::path path_;
  int bytes_per_token_;
  int64_t size_ = 0;
  std::vector<uint16_t> narrow_;  // tokens not yet written; one of the two is used
  std::vector<uint32_t> wide_;
};

// Writes one split as folder/SPLIT_000000.bin, SPLIT_000001.bin, ..., all but the last with exactly `shard_tokens`
// tokens: a document may begin in one and end in the next.
class TokenShardSetWriter {
 public:
  TokenShardSetWriter(std::filesystem::path folder, std::string split, int bytes_per_token, int64_t shard_tokens);

  // Errors as TokenShardWriter::append.
  void append(std::span<const int32_t> tokens);
  void finish();  // commits the last shard

  int64_t size() const { return size_; }      // tokens
  int64_t shards() const { return shards_; }  // 0 when nothing was appended

 private:
  std::filesystem::path folder_;
  std::string split_;
  int bytes_per_token_;
  int64_t shard_tokens_;
  int64_t size_ = 0;
  int64_t shards_ = 0;
  std::optional<TokenShardWriter> shard_;
};

}  // namespace t6
