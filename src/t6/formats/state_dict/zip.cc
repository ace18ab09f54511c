#include "t6/formats/state_dict/zip.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "t6/core/error.h"

namespace t6 {
namespace {

// Records begin with these, and have these sizes before their names (APPNOTE.TXT, section 4.3).
constexpr uint32_t kLocal = 0x04034b50, kEntry = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator64 = 0x07064b50;
constexpr size_t kLocalBytes = 30, kEntryBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr size_t kLongestComment = 0xffff;
constexpr uint16_t kExtra64 = 1;           // the extra field with sizes of 64 bits
constexpr uint32_t kInExtra = 0xffffffff;  // the number stands there

// Little-endian numbers at any place of the archive.
class ZipReader {
 public:
  ZipReader(std::span<const std::byte> bytes, std::string source) : bytes_(bytes), source_(std::move(source)) {}

  const std::string& source() const { return source_; }
  size_t size() const { return bytes_.size(); }

  std::span<const std::byte> at(uint64_t position, uint64_t size) const {
    require(position <= bytes_.size() && size <= bytes_.size() - position,
            "{}: the archive ends before byte {}; it is cut short or damaged", source_, position);
    return bytes_.subspan(position, size);
  }
  template <typename Number>
  Number number(uint64_t position) const {
    Number value{};
    std::memcpy(&value, at(position, sizeof(value)).data(), sizeof(value));
    return value;
  }
  bool is(uint32_t signature, uint64_t position) const {
    return position <= size() && size() - position >= sizeof(signature) && number<uint32_t>(position) == signature;
  }

 private:
  std::span<const std::byte> bytes_;
  std::string source_;
};

struct Directory {
  uint64_t position, entries;
};

Directory find_directory(const ZipReader& reader) {
  const size_t size = reader.size();
  for (size_t back = kEndBytes; back <= std::min(size, kEndBytes + kLongestComment); ++back) {
    const size_t end = size - back;
    if (!reader.is(kEnd, end) || reader.number<uint16_t>(end + 20) != back - kEndBytes) continue;
    if (end < kLocator64Bytes || !reader.is(kLocator64, end - kLocator64Bytes)) {
      return {reader.number<uint32_t>(end + 16), reader.number<uint16_t>(end + 10)};
    }
    const auto end64 = reader.number<uint64_t>(end - kLocator64Bytes + 8);
    reader.at(end64, kEnd64Bytes);
    require(reader.is(kEnd64, end64), "{}: the archive's directory is damaged", reader.source());
    return {reader.number<uint64_t>(end64 + 48), reader.number<uint64_t>(end64 + 32)};
  }
  fail("{}: not a whole zip archive", reader.source());
}

struct Entry {
  std::string name;
  uint64_t size, stored, local;
};

// Numbers that do not fit 32 bits stand in an extra field, in this order and only those.
void read_extra64(const ZipReader& reader, uint64_t position, uint64_t bytes, Entry& entry) {
  for (const uint64_t end = position + bytes; position + 4 <= end;) {
    uint64_t at = position + 4;
    const uint64_t next = at + reader.number<uint16_t>(position + 2);
    if (reader.number<uint16_t>(position) == kExtra64) {
      for (uint64_t* number : {&entry.size, &entry.stored, &entry.local}) {
        if (*number != kInExtra || at + 8 > next) continue;
        *number = reader.number<uint64_t>(at);
        at += 8;
      }
    }
    position = next;
  }
}

std::span<const std::byte> entry_bytes(const ZipReader& reader, const Entry& entry) {
  reader.at(entry.local, kLocalBytes);
  require(reader.is(kLocal, entry.local), "{}: nothing is stored where \"{}\" should begin", reader.source(),
          entry.name);
  const uint64_t header =
      kLocalBytes + uint64_t{reader.number<uint16_t>(entry.local + 26)} + reader.number<uint16_t>(entry.local + 28);
  return reader.at(entry.local + header, entry.size);
}

}  // namespace

ZipFile::ZipFile(const std::filesystem::path& path) : archive_(path) {
  const ZipReader reader(archive_.bytes(), path.string());
  const Directory directory = find_directory(reader);
  uint64_t at = directory.position;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    reader.at(at, kEntryBytes);
    require(reader.is(kEntry, at), "{}: entry {} of the archive's directory is damaged", reader.source(), i);
    const uint64_t name = reader.number<uint16_t>(at + 28), extra = reader.number<uint16_t>(at + 30),
                   comment = reader.number<uint16_t>(at + 32);
    reader.at(at + kEntryBytes, name);
    Entry entry{std::string(archive_.text().substr(at + kEntryBytes, name)), reader.number<uint32_t>(at + 24),
                reader.number<uint32_t>(at + 20), reader.number<uint32_t>(at + 42)};
    read_extra64(reader, at + kEntryBytes + name, extra, entry);
    const bool encrypted = reader.number<uint16_t>(at + 8) & 1;
    require(reader.number<uint16_t>(at + 10) == 0 && !encrypted && entry.stored == entry.size,
            "{}: \"{}\" is compressed or encrypted in the archive; wanted are files stored as they are",
            reader.source(), entry.name);
    require(files_.emplace(entry.name, entry_bytes(reader, entry)).second, "{}: \"{}\" is in the archive twice",
            reader.source(), entry.name);
    at += kEntryBytes + name + extra + comment;
  }
}

}  // namespace t6
