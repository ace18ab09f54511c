// Documents out of text files, folders and JSONL files, read once, in order, in parts of bounded size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace t6 {

struct DocumentOptions {
  std::string text_field = "text";  // the key of a JSONL line that holds its text
  // How a text file is cut into documents; with neither, a file is one document.
  std::string separator = "";  // stands between two documents and belongs to neither; empty: none
  int64_t document_bytes = 0;  // cut after at most this many bytes, where a paragraph ends; 0: not
};

// A whole document, or one of the consecutive parts of a large one, as it lies in its file.
struct DocumentPart {
  int64_t document = 0;  // number of the document, from 0 over all inputs
  bool first = true;     // the document begins with this part
  bool last = true;      // and ends with it
  bool json = false;     // `bytes` is a line of JSONL, not yet parsed
  std::string bytes;
  size_t file = 0;       // index of its file
  int64_t position = 0;  // number of the line in a JSONL file, from 1; else offset of `bytes` in the file
};

// A document of a text file is given in parts of at most this many bytes, a line of JSONL as a whole.
constexpr size_t kPartBytes = 256 * 1024;

class DocumentReader {
 public:
  DocumentReader(std::vector<std::filesystem::path> files, DocumentOptions options);

  // The next part; false at the end. Documents of nothing but white space are left out. Error: a file cannot be read.
  bool next(DocumentPart& part);

  // The text of a part that next() gave. May be called from many threads. Errors, with file and place: text that is not
  // UTF-8, a line that is not a JSON object with a string under `text_field`.
  std::string text(DocumentPart&& part) const;

  int64_t bytes_read() const { return bytes_read_; }

 private:
  bool next_line(DocumentPart& part);
  bool next_text(DocumentPart& part);
  bool open_next();
  void fill(size_t size);
  void take(DocumentPart& part, size_t size, size_t skip, bool last);

  std::vector<std::filesystem::path> files_;
  DocumentOptions options_;
  std::vector<char> stream_buffer_;
  std::ifstream stream_;
  size_t file_ = 0;  // index of the file after the open one
  bool open_ = false;
  bool json_ = false;
  std::string buffer_;    // of a text file: what was read and,
  size_t given_ = 0;      // after its first given_ bytes, not yet given out
  int64_t position_ = 0;  // lines given out, or offset in the file of what is given out next
  bool within_ = false;   // the last part did not end its document
  int64_t document_ = 0;
  int64_t bytes_read_ = 0;
};

// Files stand for themselves; a folder for the *.txt, *.md and *.jsonl files in it and below, hidden ones left out, in
// the order of their paths. Errors: a path that does not exist or is neither; a folder without such a file.
std::vector<std::filesystem::path> find_documents(const std::vector<std::filesystem::path>& inputs);

// By its name: .jsonl, .ndjson or .json.
bool is_json_lines(const std::filesystem::path& path);

}  // namespace t6
