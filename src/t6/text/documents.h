// Documents out of text files, JSONL files, compressed or not, Parquet files, folders of these, and standard input,
// read once, in order, in parts of bounded size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "t6/core/cancel_token.h"

namespace t6 {

enum class TextFormat {
  by_name,  // what format_by_name says
  text,
  jsonl,
  parquet
};

struct DocumentOptions {
  // The key of a JSONL line, or the column of a Parquet file, that holds the text; "a.b" is also the key b of the
  // object under a.
  std::string text_field = "text";
  // How a text file is cut into documents; with neither, a file is one document.
  std::string separator = "";  // stands between two documents and belongs to neither; empty: none
  int64_t document_bytes = 0;  // cut after at most this many bytes, where a paragraph ends; 0: not
  TextFormat format = TextFormat::by_name;
  const CancelToken* cancel = nullptr;
};

// What the bytes of a part are: text, a line of JSONL that is not yet parsed, a row of a Parquet file, or a row without
// a text.
enum class PartKind { text, json_line, row, null_row };

// A whole document, or one of the consecutive parts of a large one, as it lies in its file.
struct DocumentPart {
  int64_t document = 0;  // number of the document, from 0 over all inputs
  bool first = true;     // the document begins with this part
  bool last = true;      // and ends with it
  PartKind kind = PartKind::text;
  std::string bytes;
  size_t file = 0;       // index of its file
  int64_t position = 0;  // number of the line or row in its file, from 1; else offset of `bytes` in the file

  // Its file has a document in each line or row, where some may be bad.
  bool is_record() const { return kind != PartKind::text; }
};

// A document of a text file is given in parts of at most this many bytes, a line of JSONL and a row as a whole.
constexpr size_t kPartBytes = 256 * 1024;

class ByteSource;
class ColumnSource;

class DocumentReader {
 public:
  // Files as find_documents gives them.
  DocumentReader(std::vector<std::filesystem::path> files, DocumentOptions options);
  ~DocumentReader();

  // The next part; false at the end. Documents of nothing but white space are left out. Errors: a file cannot be read,
  // is damaged, or is Parquet without the column, or where no Parquet can be read; cancelled.
  bool next(DocumentPart& part);

  // The text of a part that next() gave. May be called from many threads. Errors, with file and place: text that is not
  // UTF-8, a line that is not a JSON object with a string under `text_field`, a row that is null.
  std::string text(DocumentPart&& part) const;

  int64_t bytes_read() const;  // of the files as they lie on disk

 private:
  bool next_line(DocumentPart& part);
  bool next_row(DocumentPart& part);
  bool next_text(DocumentPart& part);
  bool open_next();
  bool fill(size_t size);
  void take(DocumentPart& part, size_t size, size_t skip, bool last);

  std::vector<std::filesystem::path> files_;
  DocumentOptions options_;
  std::unique_ptr<ByteSource> source_;    // of text and JSONL
  std::unique_ptr<ColumnSource> column_;  // of Parquet
  size_t file_ = 0;                       // index of the file after the open one
  bool open_ = false;
  TextFormat format_ = TextFormat::text;  // of the open file
  bool source_ended_ = false;
  std::string buffer_;    // what was read and,
  size_t given_ = 0;      // after its first given_ bytes, not yet given out
  int64_t position_ = 0;  // lines given out, or offset in the file of what is given out next
  bool within_ = false;   // the last part did not end its document
  int64_t document_ = 0;
  int64_t closed_bytes_ = 0;  // of the files before the open one
};

// What a folder holds and is not read.
struct PassedOver {
  std::filesystem::path path;
  std::string reason;
};

// Files stand for themselves, "-" for standard input; a folder for the *.txt, *.md, *.jsonl and *.ndjson files in it
// and below, .gz and .zst behind these included, and its *.parquet, in the order of their paths; what else it holds
// goes to `passed_over`. Links to folders are not followed, and names that begin with a dot are left out. Errors: a
// path that does not exist or is none of these; a folder without such a file.
std::vector<std::filesystem::path> find_documents(const std::vector<std::filesystem::path>& inputs,
                                                  std::vector<PassedOver>* passed_over = nullptr);

// JSONL for .jsonl, .ndjson or .json, .gz or .zst behind it or not, Parquet for .parquet, else text.
TextFormat format_by_name(const std::filesystem::path& path);

// Bytes of text in text files, as far as it is less than `limit`: compressed files are read for it. Standard input and
// pipes count as `limit`.
int64_t text_bytes(const std::vector<std::filesystem::path>& files, int64_t limit, const CancelToken* cancel);

}  // namespace t6
