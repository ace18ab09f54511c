#include "t6/formats/token_shard.h"

#include <algorithm>
#include <array>
#include <bit>
#include <system_error>
#include <utility>

#include "t6/core/error.h"

namespace t6 {
namespace {

static_assert(std::endian::native == std::endian::little, "token shards are read and written as they lie in memory");

using Header = std::array<int32_t, 256>;
constexpr int32_t kShardMagic = 20240520;
constexpr size_t kBufferedTokens = 1 << 18;  // 512 KiB or 1 MiB a write

// True if `word` stands in `name` between ends, underscores, dashes or dots: "val" in "a_val_0" but not in
// "valley_0".
bool has_word(std::string_view name, std::string_view word) {
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find_first_of("_-.", begin), name.size());
    if (name.substr(begin, end - begin) == word) return true;
    begin = end + 1;
  }
  return false;
}

std::vector<std::filesystem::path> list_shards(const std::filesystem::path& folder, std::string_view split) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> shards;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& file = entry->path();
    if (file.extension() == ".bin" && has_word(file.stem().string(), split)) shards.push_back(file);
  }
  require(!error, "{}: cannot list the folder: {}", folder.string(), error.message());
  std::sort(shards.begin(), shards.end());
  return shards;
}

void require_range(const std::filesystem::path& path, int64_t begin, size_t count, int64_t size) {
  require(begin >= 0 && begin <= size && static_cast<int64_t>(count) <= size - begin,
          "{}: {} tokens from {} on were asked for; there are {} in all", path.string(), count, begin, size);
}

}  // namespace

TokenShard::TokenShard(const std::filesystem::path& path) : file_(path) {
  Header header;
  require(file_.size() >= sizeof(header), "{}: not a token shard: {} bytes, and its header alone has {}", path.string(),
          file_.size(), sizeof(header));
  file_.read_at(0, header.data(), sizeof(header));
  const auto [magic, version, count] = std::array{header[0], header[1], header[2]};
  require(magic == kShardMagic, "{}: not a token shard: it begins with {}, wanted {}", path.string(), magic,
          kShardMagic);
  require(version == 1 || version == 2, "{}: token shard of version {}, wanted 1 (uint16) or 2 (uint32)", path.string(),
          version);
  require(count >= 0, "{}: a token count of {}, wanted 0 or more", path.string(), count);
  bytes_per_token_ = version == 1 ? 2 : 4;
  size_ = count;
  const int64_t wanted = size_ * bytes_per_token_;
  const auto found = static_cast<int64_t>(file_.size() - sizeof(header));
  require(found == wanted, "{}: {} bytes follow the header, wanted {} for its {} tokens of {} bytes", path.string(),
          found, wanted, size_, bytes_per_token_);
}

void TokenShard::read(int64_t begin, std::span<int32_t> tokens) const {
  require_range(path(), begin, tokens.size(), size_);
  const auto offset = sizeof(Header) + static_cast<uint64_t>(begin) * static_cast<uint64_t>(bytes_per_token_);
  if (bytes_per_token_ == 4) return file_.read_at(offset, tokens.data(), tokens.size_bytes());
  std::vector<uint16_t> narrow(tokens.size());
  file_.read_at(offset, narrow.data(), narrow.size() * sizeof(uint16_t));
  std::copy(narrow.begin(), narrow.end(), tokens.begin());
}

int32_t TokenShard::token(int64_t index) const {
  int32_t token;
  read(index, {&token, 1});
  return token;
}

TokenShardSet::TokenShardSet(const std::filesystem::path& path, std::string_view split) {
  int64_t size = 0;
  for (const auto& shard_path : find_token_shards(path, split)) {
    size += shards_.emplace_back(shard_path).size();
    ends_.push_back(size);
  }
}

void TokenShardSet::read(int64_t begin, std::span<int32_t> tokens) const {
  require_range(shards_.front().path().parent_path(), begin, tokens.size(), size());
  auto shard = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
  for (; !tokens.empty(); ++shard) {
    const int64_t first = shard == 0 ? 0 : ends_[shard - 1];
    const auto count = std::min(tokens.size(), static_cast<size_t>(ends_[shard] - begin));
    shards_[shard].read(begin - first, tokens.first(count));
    tokens = tokens.subspan(count);
    begin += static_cast<int64_t>(count);
  }
}

std::vector<std::filesystem::path> find_token_shards(const std::filesystem::path& path, std::string_view split) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  require(std::filesystem::exists(status), "{}: no such file or folder", path.string());
  if (!std::filesystem::is_directory(status)) return {path};
  std::vector<std::filesystem::path> shards = list_shards(path, split);
  require(!shards.empty(),
          "{}: no token shards of the split \"{}\" (files like {}_000000.bin); 't6 prepare' writes them", path.string(),
          split, split);
  return shards;
}

bool has_token_shards(const std::filesystem::path& folder, std::string_view split) {
  return !list_shards(folder, split).empty();
}

TokenShardWriter::TokenShardWriter(const std::filesystem::path& path, int bytes_per_token)
    : file_(path), path_(path), bytes_per_token_(bytes_per_token) {
  require(bytes_per_token == 2 || bytes_per_token == 4, "{}: tokens have 2 or 4 bytes, not {}", path.string(),
          bytes_per_token);
  const Header unknown{};  // the count is known last; until then the file is no shard
  file_.write(unknown.data(), sizeof(unknown));
}

void TokenShardWriter::append(std::span<const int32_t> tokens) {
  const int64_t highest = bytes_per_token_ == 2 ? UINT16_MAX : INT32_MAX;
  require(static_cast<int64_t>(tokens.size()) <= INT32_MAX - size_, "{}: a shard holds at most {} tokens",
          path_.string(), INT32_MAX);
  for (const int32_t token : tokens) {
    require(token >= 0 && token <= highest, "{}: token {} is not between 0 and {}", path_.string(), token, highest);
    if (bytes_per_token_ == 2) {
      narrow_.push_back(static_cast<uint16_t>(token));
    } else {
      wide_.push_back(static_cast<uint32_t>(token));
    }
    if (narrow_.size() + wide_.size() >= kBufferedTokens) flush();
  }
  size_ += static_cast<int64_t>(tokens.size());
}

void TokenShardWriter::flush() {
  file_.write(narrow_.data(), narrow_.size() * sizeof(uint16_t));
  file_.write(wide_.data(), wide_.size() * sizeof(uint32_t));
  narrow_.clear();
  wide_.clear();
}

void TokenShardWriter::commit() {
  flush();
  const std::array<int32_t, 3> header = {kShardMagic, bytes_per_token_ == 2 ? 1 : 2, static_cast<int32_t>(size_)};
  file_.write_at(0, header.data(), sizeof(header));
  file_.commit();
}

TokenShardSetWriter::TokenShardSetWriter(std::filesystem::path folder, std::string split, int bytes_per_token,
                                         int64_t shard_tokens)
    : folder_(std::move(folder)),
      split_(std::move(split)),
      bytes_per_token_(bytes_per_token),
      shard_tokens_(shard_tokens) {
  require(shard_tokens >= 1 && shard_tokens <= INT32_MAX, "{}: a shard holds 1 to {} tokens, not {}", folder_.string(),
          INT32_MAX, shard_tokens);
}

void TokenShardSetWriter::append(std::span<const int32_t> tokens) {
  while (!tokens.empty()) {
    if (!shard_) shard_.emplace(folder_ / fmt::format("{}_{:06}.bin", split_, shards_++), bytes_per_token_);
    const auto room = static_cast<size_t>(shard_tokens_ - shard_->size());
    const auto now = tokens.first(std::min(room, tokens.size()));
    shard_->append(now);
    size_ += static_cast<int64_t>(now.size());
    tokens = tokens.subspan(now.size());
    if (shard_->size() == shard_tokens_) finish();
  }
}

void TokenShardSetWriter::finish() {
  if (shard_) shard_->commit();
  shard_.reset();
}

}  // namespace t6
