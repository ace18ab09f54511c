#include "t6/formats/token_shard.h"

#include <gmock/gmock.h>

#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class TokenShardTest : public testing::Test {
 protected:
  // A shard made by hand, byte by byte as the format says, so that reader and writer cannot share a mistake.
  template <typename T>
  fs::path make(const std::string& name, int32_t magic, int32_t version, int32_t count, const std::vector<T>& tokens) {
    const fs::path path = folder_.path() / name;
    std::ofstream file(path, std::ios::binary);
    std::vector<int32_t> header(256, 0);
    header[0] = magic;
    header[1] = version;
    header[2] = count;
    file.write(reinterpret_cast<const char*>(header.data()), 1024);
    file.write(reinterpret_cast<const char*>(tokens.data()), static_cast<std::streamsize>(tokens.size() * sizeof(T)));
    return path;
  }

  fs::path write(const std::string& name, int bytes_per_token, const std::vector<int32_t>& tokens) {
    TokenShardWriter writer(folder_.path() / name, bytes_per_token);
    writer.append(tokens);
    writer.commit();
    return folder_.path() / name;
  }

  TemporaryFolder folder_;
};

std::vector<int32_t> all(const TokenShard& shard) {
  std::vector<int32_t> tokens(static_cast<size_t>(shard.size()));
  shard.read(0, tokens);
  return tokens;
}

TEST_F(TokenShardTest, ReadsBothVersions) {
  const TokenShard narrow(make<uint16_t>("a.bin", 20240520, 1, 3, {7, 50256, 65535}));
  EXPECT_EQ(narrow.size(), 3);
  EXPECT_EQ(narrow.bytes_per_token(), 2);
  EXPECT_THAT(all(narrow), ElementsAre(7, 50256, 65535));
  EXPECT_EQ(narrow.token(1), 50256);

  const TokenShard wide(make<uint32_t>("b.bin", 20240520, 2, 2, {128255, 1}));
  EXPECT_EQ(wide.bytes_per_token(), 4);
  EXPECT_THAT(all(wide), ElementsAre(128255, 1));
}

TEST_F(TokenShardTest, WrittenBytesAreTheFormat) {
  const fs::path by_hand = make<uint16_t>("by_hand.bin", 20240520, 1, 4, {1, 2, 300, 65535});
  EXPECT_EQ(read_text(write("written.bin", 2, {1, 2, 300, 65535})), read_text(by_hand));
  const fs::path wide = make<uint32_t>("wide.bin", 20240520, 2, 2, {70000, 3});
  EXPECT_EQ(read_text(write("written_wide.bin", 4, {70000, 3})), read_text(wide));
  EXPECT_EQ(TokenShard(write("empty.bin", 2, {})).size(), 0);
}

TEST_F(TokenShardTest, KeepsManyTokensOverManyAppends) {
  std::vector<int32_t> tokens(700'000);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int32_t>(i * 7919 % 65536);
  TokenShardWriter writer(folder_.path() / "big.bin", 2);
  for (size_t begin = 0; begin < tokens.size(); begin += 100'000) {
    writer.append(std::span(tokens).subspan(begin, 100'000));
  }
  writer.commit();
  EXPECT_EQ(all(TokenShard(folder_.path() / "big.bin")), tokens);
}

TEST_F(TokenShardTest, RefusesWhatIsNotAShard) {
  const fs::path stub = folder_.path() / "short.bin";
  std::ofstream(stub) << "short";
  EXPECT_THAT(error_of([&] { TokenShard shard(stub); }), HasSubstr("short.bin: not a token shard: 5 bytes"));

  const auto error = [&](int32_t magic, int32_t version, int32_t count, std::vector<uint16_t> tokens) {
    const fs::path path = make<uint16_t>("bad.bin", magic, version, count, tokens);
    return error_of([&] { TokenShard shard(path); });
  };
  EXPECT_THAT(error(20240522, 1, 1, {5}), HasSubstr("begins with 20240522, wanted 20240520"));
  EXPECT_THAT(error(20240520, 3, 1, {5}), HasSubstr("version 3, wanted 1"));
  EXPECT_THAT(error(20240520, 1, -1, {5}), HasSubstr("token count of -1"));
  EXPECT_THAT(error(20240520, 1, 3, {5}), HasSubstr("2 bytes follow the header, wanted 6"));
  EXPECT_THAT(error(20240520, 1, 1, {5, 6}), HasSubstr("4 bytes follow the header, wanted 2"));
  EXPECT_THAT(error(20240520, 2, INT32_MAX, {5}), HasSubstr("wanted 8589934588"));
  EXPECT_THAT(error_of([&] { TokenShard shard(folder_.path() / "none.bin"); }), HasSubstr("none.bin: cannot open"));
}

TEST_F(TokenShardTest, AFileThatShrinksIsAnError) {
  const fs::path path = write("a.bin", 2, std::vector<int32_t>(5000, 7));
  const TokenShard shard(path);
  fs::resize_file(path, 2000);
  std::vector<int32_t> tokens(100);
  shard.read(300, tokens);
  EXPECT_THAT(error_of([&] { shard.read(450, tokens); }),
              HasSubstr("a.bin: the file ends at byte 2000, but had 11024"));
}

TEST_F(TokenShardTest, RefusesRangesOutsideTheShard) {
  const TokenShard shard(write("a.bin", 2, {1, 2, 3}));
  std::vector<int32_t> two(2);
  for (const int64_t begin : {int64_t{-1}, int64_t{2}, int64_t{3}, INT64_MAX, INT64_MIN}) {
    EXPECT_THROW(shard.read(begin, two), Error) << begin;
  }
  EXPECT_THROW(shard.token(3), Error);
  shard.read(3, {});
}

TEST_F(TokenShardTest, RefusesTokensThatDoNotFit) {
  TokenShardWriter narrow(folder_.path() / "a.bin", 2);
  EXPECT_THAT(error_of([&] { narrow.append(std::vector<int32_t>{65536}); }), HasSubstr("token 65536 is not between"));
  TokenShardWriter wide(folder_.path() / "b.bin", 4);
  EXPECT_THROW(wide.append(std::vector<int32_t>{-1}), Error);
}

TEST_F(TokenShardTest, LeavesNothingWithoutCommit) {
  { TokenShardWriter writer(folder_.path() / "a.bin", 2); }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(TokenShardTest, FindsTheShardsOfASplitInOrder) {
  for (const char* name : {"edu_fineweb_train_000002.bin", "edu_fineweb_train_000001.bin", "edu_fineweb_val_000000.bin",
                           "valley_train_000003.bin", "train_notes.txt"}) {
    write(name, 2, {1});
  }
  const auto names = [&](std::string_view split) {
    std::vector<std::string> result;
    for (const auto& path : find_token_shards(folder_.path(), split)) result.push_back(path.filename().string());
    return result;
  };
  EXPECT_THAT(names("train"),
              ElementsAre("edu_fineweb_train_000001.bin", "edu_fineweb_train_000002.bin", "valley_train_000003.bin"));
  EXPECT_THAT(names("val"), ElementsAre("edu_fineweb_val_000000.bin"));
  EXPECT_THAT(find_token_shards(folder_.path() / "valley_train_000003.bin", "val"),
              ElementsAre(folder_.path() / "valley_train_000003.bin"));
  EXPECT_THAT(error_of([&] { find_token_shards(folder_.path(), "test"); }),
              HasSubstr("no token shards of the split \"test\""));
  EXPECT_THAT(error_of([&] { find_token_shards(folder_.path() / "gone", "val"); }),
              HasSubstr("no such file or folder"));
}

TEST_F(TokenShardTest, ASetIsOneSequence) {
  write("train_000000.bin", 2, {0, 1, 2});
  write("train_000001.bin", 2, {});
  write("train_000002.bin", 4, {3});
  write("train_000003.bin", 2, {4, 5, 6, 7});
  const TokenShardSet set(folder_.path(), "train");
  ASSERT_EQ(set.size(), 8);
  for (int64_t begin = 0; begin <= 8; ++begin) {
    for (int64_t end = begin; end <= 8; ++end) {
      std::vector<int32_t> wanted(static_cast<size_t>(end - begin));
      std::iota(wanted.begin(), wanted.end(), static_cast<int32_t>(begin));
      std::vector<int32_t> found(wanted.size());
      set.read(begin, found);
      EXPECT_EQ(found, wanted) << begin << " to " << end;
    }
  }
  std::vector<int32_t> two(2);
  EXPECT_THROW(set.read(7, two), Error);
}

TEST_F(TokenShardTest, ASetIsWrittenInFullShards) {
  std::vector<int32_t> tokens(23);
  std::iota(tokens.begin(), tokens.end(), 0);
  TokenShardSetWriter writer(folder_.path(), "val", 2, 10);
  writer.append(std::span(tokens).first(3));
  writer.append(std::span(tokens).subspan(3));
  writer.finish();
  EXPECT_EQ(writer.size(), 23);
  EXPECT_EQ(writer.shards(), 3);
  const TokenShardSet set(folder_.path(), "val");
  ASSERT_EQ(set.shards().size(), 3u);
  EXPECT_EQ(set.shards()[0].size(), 10);
  EXPECT_EQ(set.shards()[2].size(), 3);
  EXPECT_EQ(set.shards()[2].path().filename(), "val_000002.bin");
  std::vector<int32_t> found(23);
  set.read(0, found);
  EXPECT_EQ(found, tokens);
}

}  // namespace
}  // namespace t6
