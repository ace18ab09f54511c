#include "t6/text/documents.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/documents/cuts.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kBufferBytes = 4 * kPartBytes;  // a move of what is left in the buffer for every few parts

void list_folder(const fs::path& folder, std::vector<fs::path>& files) {
  std::error_code error;
  const size_t before = files.size();
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.filename().string().starts_with('.')) {
      entry.disable_recursion_pending();
      continue;
    }
    const fs::path extension = path.extension();
    std::error_code ignored;
    if ((extension == ".txt" || extension == ".md" || extension == ".jsonl") && entry->is_regular_file(ignored)) {
      files.push_back(path);
    }
  }
  require(!error, "{}: cannot list the folder: {}", folder.string(), error.message());
  require(files.size() > before, "{}: the folder holds no *.txt, *.md or *.jsonl file", folder.string());
  std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
}

}  // namespace

std::vector<fs::path> find_documents(const std::vector<fs::path>& inputs) {
  std::vector<fs::path> files;
  for (const fs::path& input : inputs) {
    std::error_code error;
    const fs::file_status status = fs::status(input, error);
    require(fs::exists(status), "{}: no such file or folder", input.string());
    if (fs::is_directory(status)) {
      list_folder(input, files);
    } else {
      require(fs::is_regular_file(status), "{}: neither a file nor a folder", input.string());
      files.push_back(input);
    }
  }
  return files;
}

bool is_json_lines(const fs::path& path) {
  const fs::path extension = path.extension();
  return extension == ".jsonl" || extension == ".ndjson" || extension == ".json";
}

DocumentReader::DocumentReader(std::vector<fs::path> files, DocumentOptions options)
    : files_(std::move(files)), options_(std::move(options)), stream_buffer_(kPartBytes) {
  const int64_t most = kPartBytes;
  require(options_.document_bytes == 0 || (options_.document_bytes >= 16 && options_.document_bytes <= most),
          "text files can be cut into documents of 16 to {} bytes, not {}", most, options_.document_bytes);
  require(options_.document_bytes == 0 || options_.separator.empty(),
          "text files are cut into documents by a separator or by size, not by both");
  require(options_.separator.size() < kPartBytes, "a document separator of {} bytes is too long",
          options_.separator.size());
}

bool DocumentReader::next(DocumentPart& part) {
  while (open_ || open_next()) {
    part.file = file_ - 1;
    part.json = json_;
    if (json_ ? next_line(part) : next_text(part)) {
      part.document = document_;
      part.first = !within_;
      within_ = !part.last;
      if (part.last) ++document_;
      return true;
    }
    open_ = false;
  }
  return false;
}

bool DocumentReader::open_next() {
  if (file_ == files_.size()) return false;
  const fs::path& path = files_[file_++];
  stream_.close();
  stream_.clear();
  stream_.rdbuf()->pubsetbuf(stream_buffer_.data(), static_cast<std::streamsize>(stream_buffer_.size()));
  stream_.open(path, std::ios::binary);
  require(stream_.is_open(), "{}: cannot open: {}", path.string(), std::strerror(errno));
  json_ = is_json_lines(path);
  position_ = 0;
  buffer_.clear();
  given_ = 0;
  open_ = true;
  char mark[3] = {};
  stream_.read(mark, sizeof(mark));
  if (std::string_view(mark, 3) == kByteOrderMark) {
    position_ = json_ ? 0 : 3;
    bytes_read_ += 3;
  } else {
    stream_.clear();
    stream_.seekg(0);
  }
  return true;
}

bool DocumentReader::next_line(DocumentPart& part) {
  part.last = true;
  while (std::getline(stream_, part.bytes)) {
    bytes_read_ += static_cast<int64_t>(part.bytes.size()) + 1;
    part.position = ++position_;
    if (!is_blank(part.bytes)) return true;
  }
  require(!stream_.bad(), "{}: cannot read past line {}", files_[file_ - 1].string(), position_);
  return false;
}

// Reads on until `size` bytes are there to be given out or the file ends.
void DocumentReader::fill(size_t size) {
  if (buffer_.size() - given_ >= size || stream_.eof()) return;
  buffer_.erase(0, given_);
  given_ = 0;
  const size_t before = buffer_.size();
  buffer_.resize(std::max(size, kBufferBytes));
  stream_.read(buffer_.data() + before, static_cast<std::streamsize>(buffer_.size() - before));
  const auto read = static_cast<size_t>(stream_.gcount());
  buffer_.resize(before + read);
  bytes_read_ += static_cast<int64_t>(read);
  require(!stream_.bad(), "{}: cannot read past byte {}", files_[file_ - 1].string(),
          position_ + static_cast<int64_t>(buffer_.size()));
}

// Gives out the next `size` bytes and passes over `skip` more.
void DocumentReader::take(DocumentPart& part, size_t size, size_t skip, bool last) {
  part.bytes.assign(buffer_, given_, size);
  part.position = position_;
  part.last = last;
  given_ += size + skip;
  position_ += static_cast<int64_t>(size + skip);
}

bool DocumentReader::next_text(DocumentPart& part) {
  const std::string& separator = options_.separator;
  const auto document_bytes = static_cast<size_t>(options_.document_bytes);
  do {
    // More than a part, so that a part in the middle always leaves something for the last one.
    fill(kPartBytes + 1 + separator.size());
    const std::string_view rest = std::string_view(buffer_).substr(given_);
    const size_t end = rest.substr(0, kPartBytes + separator.size()).find(separator);
    if (!separator.empty() && end <= kPartBytes) {
      take(part, end, separator.size(), true);
    } else if (document_bytes > 0 && rest.size() > document_bytes) {
      take(part, paragraph_cut(rest, document_bytes), 0, true);
    } else if (rest.size() > kPartBytes) {
      take(part, safe_cut(rest, kPartBytes), 0, false);
    } else if (!rest.empty() || within_) {
      take(part, rest.size(), 0, true);
    } else {
      return false;
    }
  } while (!within_ && part.last && is_blank(part.bytes));
  return true;
}

std::string DocumentReader::text(DocumentPart&& part) const {
  const std::string path = files_[part.file].string();
  if (part.json) {
    const std::string source = fmt::format("{}:{}", path, part.position);
    return JsonObject(parse_json(part.bytes, source), source).string(options_.text_field);
  }
  if (!is_valid_utf8(part.bytes)) {
    size_t valid = 0;
    for (Utf8Step step{}; (step = utf8_step(part.bytes, valid)).valid;) valid += step.length;
    fail("{}: not UTF-8 text at byte {}", path, part.position + static_cast<int64_t>(valid));
  }
  return std::move(part.bytes);
}

}  // namespace t6
