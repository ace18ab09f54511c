#include "t6/text/documents.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/documents/byte_source.h"
#include "t6/text/documents/column_source.h"
#include "t6/text/documents/cuts.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kBufferBytes = 4 * kPartBytes;  // a move of what is left in the buffer for every few parts

bool is_text_name(const fs::path& path) {
  const fs::path extension = name_of_content(path).extension();
  if (extension == ".parquet") return !is_compressed(path);
  return extension == ".txt" || extension == ".md" || extension == ".jsonl" || extension == ".ndjson";
}

// Why an entry of a folder is not read; empty: it is.
std::string reason_against(const fs::directory_entry& entry) {
  std::error_code ignored;
  if (entry.path().filename().string().starts_with('.')) return "hidden";
  if (entry.is_directory(ignored)) return entry.is_symlink(ignored) ? "a link to a folder" : "";
  if (!is_text_name(entry.path())) return "not *.txt, *.md, *.jsonl, *.ndjson or *.parquet";
  return entry.is_regular_file(ignored) ? "" : "no file that can be read";
}

void list_folder(const fs::path& folder, std::vector<fs::path>& files, std::vector<PassedOver>& passed_over) {
  std::error_code error;
  const auto before = static_cast<std::ptrdiff_t>(files.size());
  const auto passed_before = static_cast<std::ptrdiff_t>(passed_over.size());
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const bool is_folder = entry->is_directory(ignored);
    const std::string reason = reason_against(*entry);
    if (!reason.empty()) {
      entry.disable_recursion_pending();
      passed_over.push_back({entry->path(), reason});
    } else if (!is_folder) {
      files.push_back(entry->path());
    }
  }
  require(!error, "{}: cannot list the folder: {}", folder.string(), error.message());
  require(std::ssize(files) > before, "{}: the folder holds no *.txt, *.md, *.jsonl, *.ndjson or *.parquet file",
          folder.string());
  std::sort(files.begin() + before, files.end());
  std::sort(passed_over.begin() + passed_before, passed_over.end(),
            [](const PassedOver& a, const PassedOver& b) { return a.path < b.path; });
}

// The value under a key, or under a path of keys with dots between them; null: there is none.
const Json* find_field(const Json& line, std::string_view field) {
  if (!line.is_object()) return nullptr;
  if (const auto found = line.find(field); found != line.end()) return &*found;
  for (size_t dot = field.find('.'); dot != std::string_view::npos; dot = field.find('.', dot + 1)) {
    const auto found = line.find(field.substr(0, dot));
    if (found == line.end()) continue;
    if (const Json* inner = find_field(*found, field.substr(dot + 1))) return inner;
  }
  return nullptr;
}

std::string text_of_line(const std::string& bytes, const std::string& source, const std::string& field) {
  const Json line = parse_json(bytes, source);
  require(line.is_object(), "{}: wanted a JSON object, found {}", source, line.type_name());
  const Json* text = find_field(line, field);
  require(text != nullptr, "{}: the key \"{}\" is missing", source, field);
  require(text->is_string(), "{}: \"{}\" must be a string, not {}", source, field, text->dump().substr(0, 40));
  return text->get<std::string>();
}

}  // namespace

std::vector<fs::path> find_documents(const std::vector<fs::path>& inputs, std::vector<PassedOver>* passed_over) {
  std::vector<fs::path> files;
  std::vector<PassedOver> ignored;
  for (const fs::path& input : inputs) {
    if (is_standard_input(input)) {
      files.push_back(input);
      continue;
    }
    std::error_code error;
    const fs::file_status status = fs::status(input, error);
    require(fs::exists(status), "{}: no such file or folder", input.string());
    if (fs::is_directory(status)) {
      list_folder(input, files, passed_over ? *passed_over : ignored);
    } else {
      require(fs::is_regular_file(status) || fs::is_fifo(status), "{}: neither a file nor a folder", input.string());
      files.push_back(input);
    }
  }
  return files;
}

TextFormat format_by_name(const fs::path& path) {
  const fs::path extension = name_of_content(path).extension();
  if (extension == ".parquet") return TextFormat::parquet;
  const bool lines = extension == ".jsonl" || extension == ".ndjson" || extension == ".json";
  return lines ? TextFormat::jsonl : TextFormat::text;
}

int64_t text_bytes(const std::vector<fs::path>& files, int64_t limit, const CancelToken* cancel) {
  int64_t total = 0;
  std::vector<char> buffer(kPartBytes);
  for (const fs::path& path : files) {
    if (total >= limit) break;
    if (is_standard_input(path) || !fs::is_regular_file(path)) return limit;
    if (!is_compressed(path)) {
      total += static_cast<int64_t>(fs::file_size(path));
      continue;
    }
    const auto source = open_source(path, cancel);
    for (size_t count = buffer.size(); count == buffer.size() && total < limit; total += static_cast<int64_t>(count)) {
      count = source->read(buffer.data(), buffer.size());
    }
  }
  return std::min(total, limit);
}

DocumentReader::DocumentReader(std::vector<fs::path> files, DocumentOptions options)
    : files_(std::move(files)), options_(std::move(options)) {
  const int64_t most = kPartBytes;
  require(options_.document_bytes == 0 || (options_.document_bytes >= 16 && options_.document_bytes <= most),
          "text files can be cut into documents of 16 to {} bytes, not {}", most, options_.document_bytes);
  require(options_.document_bytes == 0 || options_.separator.empty(),
          "text files are cut into documents by a separator or by size, not by both");
  require(options_.separator.size() < kPartBytes, "a document separator of {} bytes is too long",
          options_.separator.size());
}

DocumentReader::~DocumentReader() = default;

int64_t DocumentReader::bytes_read() const {
  return closed_bytes_ + (source_ ? source_->bytes_read() : 0) + (column_ ? column_->bytes_read() : 0);
}

bool DocumentReader::next(DocumentPart& part) {
  while (open_ || open_next()) {
    part.file = file_ - 1;
    const bool found = format_ == TextFormat::parquet ? next_row(part)
                       : format_ == TextFormat::jsonl ? next_line(part)
                                                      : next_text(part);
    if (found) {
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
  closed_bytes_ = bytes_read();
  source_.reset();
  column_.reset();
  if (file_ == files_.size()) return false;
  const fs::path& path = files_[file_++];
  format_ = options_.format == TextFormat::by_name ? format_by_name(path) : options_.format;
  position_ = 0;
  open_ = true;
  if (format_ == TextFormat::parquet) {
    require(!is_compressed(path), "{}: Parquet is compressed within; unpack it first", path.string());
    column_ = open_column(path, options_.text_field, options_.cancel);
    return true;
  }
  source_ = open_source(path, options_.cancel);
  buffer_.clear();
  given_ = 0;
  source_ended_ = false;
  fill(kByteOrderMark.size());
  if (buffer_.starts_with(kByteOrderMark)) {
    given_ = kByteOrderMark.size();
    position_ = format_ == TextFormat::jsonl ? 0 : 3;
  }
  return true;
}

// A line's length is known when its end was read; it is looked for only in what is new.
bool DocumentReader::next_line(DocumentPart& part) {
  part.last = true;
  part.kind = PartKind::json_line;
  for (size_t seen = 0;;) {
    const size_t end = buffer_.find('\n', given_ + seen);
    if (end == std::string::npos) {
      seen = buffer_.size() - given_;
      if (fill(seen + kBufferBytes)) continue;
      if (seen == 0) return false;
    }
    const size_t size = std::min(end, buffer_.size()) - given_;
    part.bytes.assign(buffer_, given_, size);
    given_ = std::min(given_ + size + 1, buffer_.size());
    part.position = ++position_;
    seen = 0;
    if (!is_blank(part.bytes)) return true;
  }
}

bool DocumentReader::next_row(DocumentPart& part) {
  bool is_null = false;
  if (!column_->next(part.bytes, is_null)) return false;
  part.last = true;
  part.kind = is_null ? PartKind::null_row : PartKind::row;
  part.position = ++position_;
  return true;
}

// Reads on until `size` bytes are there to be given out or the file ends; false: it had ended before.
bool DocumentReader::fill(size_t size) {
  if (buffer_.size() - given_ >= size || source_ended_) return !source_ended_;
  buffer_.erase(0, given_);
  given_ = 0;
  const size_t before = buffer_.size(), wanted = std::max(size, kBufferBytes) - before;
  buffer_.resize(before + wanted);
  const size_t read = source_->read(buffer_.data() + before, wanted);
  buffer_.resize(before + read);
  source_ended_ = read < wanted;
  return true;
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
  part.kind = PartKind::text;
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
  const fs::path& file = files_[part.file];
  const std::string path = is_standard_input(file) ? "standard input" : file.string();
  if (part.kind == PartKind::json_line) {
    return text_of_line(part.bytes, fmt::format("{}:{}", path, part.position), options_.text_field);
  }
  const std::string row = fmt::format("{}, row {}", path, part.position);
  require(part.kind != PartKind::null_row, "{}: \"{}\" is null, wanted a text", row, options_.text_field);
  if (!is_valid_utf8(part.bytes)) {
    size_t valid = 0;
    for (Utf8Step step{}; (step = utf8_step(part.bytes, valid)).valid;) valid += step.length;
    require(!part.is_record(), "{}: \"{}\" is not UTF-8 text at byte {}", row, options_.text_field, valid);
    fail("{}: not UTF-8 text at byte {}", path, part.position + static_cast<int64_t>(valid));
  }
  return std::move(part.bytes);
}

}  // namespace t6
