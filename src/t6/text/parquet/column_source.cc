#include "t6/text/documents/column_source.h"

#include <parquet/column_reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "t6/core/error.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBatch = 256;                     // rows that are decoded at a time
constexpr int64_t kColumnBufferBytes = 256 * 1024;  // read from the file at a time

// What Arrow throws, as an Error that names the file.
template <typename Action>
auto with_errors_of(const std::string& name, Action action) {
  try {
    return action();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    const std::string message = error.what();
    fail("{}: cannot be read as Parquet: {}", name, message.substr(0, message.find('\n')));
  }
}

parquet::ReaderProperties reader_properties() {
  parquet::ReaderProperties properties;
  properties.enable_buffered_stream();
  properties.set_buffer_size(kColumnBufferBytes);
  properties.set_page_checksum_verification(true);
  return properties;
}

bool is_text(const parquet::ColumnDescriptor& column) {
  using Kind = parquet::LogicalType::Type;
  const auto& logical = column.logical_type();
  const Kind::type kind = logical ? logical->type() : Kind::NONE;
  return column.physical_type() == parquet::Type::BYTE_ARRAY &&
         (kind == Kind::STRING || kind == Kind::NONE || kind == Kind::UNDEFINED || kind == Kind::JSON ||
          kind == Kind::ENUM);
}

// "text, meta.url, 9 more"
std::string listed_names(const parquet::SchemaDescriptor& schema) {
  constexpr int kMost = 12;
  std::string names;
  for (int i = 0; i < std::min(schema.num_columns(), kMost); ++i) {
    names += (i > 0 ? ", " : "") + schema.Column(i)->path()->ToDotString();
  }
  if (schema.num_columns() > kMost) names += fmt::format(", {} more", schema.num_columns() - kMost);
  return names;
}

// The index of the column under `field`, which a name that itself holds dots comes before.
int find_column(const parquet::SchemaDescriptor& schema, const std::string& field, const std::string& name) {
  int found = -1;
  size_t parts = 0;
  for (int i = 0; i < schema.num_columns(); ++i) {
    const auto path = schema.Column(i)->path();
    const size_t size = path->ToDotVector().size();
    if (path->ToDotString() == field && (found < 0 || size < parts)) {
      found = i;
      parts = size;
    }
  }
  require(found >= 0, "{}: no column \"{}\" among {}", name, field, listed_names(schema));
  const parquet::ColumnDescriptor& column = *schema.Column(found);
  require(column.max_repetition_level() == 0, "{}: the column \"{}\" holds lists, wanted a text in each row", name,
          field);
  require(is_text(column), "{}: the column \"{}\" is of the type {}{}, wanted one of text", name, field,
          parquet::TypeToString(column.physical_type()),
          column.logical_type() && !column.logical_type()->is_none() ? ", " + column.logical_type()->ToString() : "");
  return found;
}

class ParquetColumn : public ColumnSource {
 public:
  ParquetColumn(const fs::path& path, const std::string& field, const CancelToken* cancel)
      : name_(path.string()), cancel_(cancel), file_bytes_(static_cast<int64_t>(fs::file_size(path))) {
    with_errors_of(name_, [&] {
      file_ = parquet::ParquetFileReader::OpenFile(name_, /*memory_map=*/false, reader_properties());
      const parquet::FileMetaData& metadata = *file_->metadata();
      column_ = find_column(*metadata.schema(), field, name_);
      text_level_ = metadata.schema()->Column(column_)->max_definition_level();
      rows_ = metadata.num_rows();
    });
  }

  bool next(std::string& bytes, bool& is_null) override {
    if (at_ == count_ && !with_errors_of(name_, [&] { return decode(); })) return false;
    is_null = levels_[at_++] < text_level_;
    if (is_null) {
      bytes.clear();
    } else {
      const parquet::ByteArray& value = values_[value_++];
      bytes.assign(reinterpret_cast<const char*>(value.ptr), value.len);
    }
    ++given_;
    return true;
  }

  int64_t bytes_read() const override {
    const double part = rows_ > 0 ? static_cast<double>(given_) / static_cast<double>(rows_) : 1;
    return static_cast<int64_t>(std::min(part, 1.0) * static_cast<double>(file_bytes_));
  }

 private:
  // Decodes the next rows, of this row group or the one that follows; false: there are no more.
  bool decode() {
    require(!cancel_ || !cancel_->cancelled(), "interrupted");
    while (!reader_ || !reader_->HasNext()) {
      require(!group_ || group_rows_ == group_->metadata()->num_rows(),
              "{}: row group {} holds {} rows, and {} by the file's metadata", name_, next_group_ - 1, group_rows_,
              group_ ? group_->metadata()->num_rows() : 0);
      if (next_group_ == file_->metadata()->num_row_groups()) return false;
      open_group();
    }
    int64_t values = 0;
    // A column that may not be null has no levels.
    levels_.fill(text_level_);
    count_ = static_cast<size_t>(
        reader_->ReadBatch(kBatch, text_level_ > 0 ? levels_.data() : nullptr, nullptr, values_.data(), &values));
    require(count_ > 0, "{}: row group {} ends in the middle of a page", name_, next_group_ - 1);
    const auto texts = std::count(levels_.begin(), levels_.begin() + static_cast<std::ptrdiff_t>(count_), text_level_);
    require(values == texts, "{}: {} texts are there for {} rows that have one", name_, values, texts);
    group_rows_ += static_cast<int64_t>(count_);
    at_ = value_ = 0;
    return true;
  }

  void open_group() {
    reader_.reset();
    group_ = file_->RowGroup(next_group_++);
    reader_ = std::static_pointer_cast<parquet::ByteArrayReader>(group_->Column(column_));
    group_rows_ = 0;
  }

  std::string name_;
  const CancelToken* cancel_;
  int64_t file_bytes_;
  std::unique_ptr<parquet::ParquetFileReader> file_;
  int column_ = 0;
  int16_t text_level_ = 0;  // the definition level at which a text is there
  int64_t rows_ = 0;        // by the metadata
  int64_t given_ = 0;
  int next_group_ = 0;
  std::shared_ptr<parquet::RowGroupReader> group_;
  int64_t group_rows_ = 0;  // of the open group, decoded
  std::shared_ptr<parquet::ByteArrayReader> reader_;
  std::array<int16_t, kBatch> levels_ = {};
  std::array<parquet::ByteArray, kBatch> values_ = {};
  size_t count_ = 0, at_ = 0, value_ = 0;  // rows decoded; of these given out; and texts of these
};

}  // namespace

std::unique_ptr<ColumnSource> open_column(const fs::path& path, const std::string& field, const CancelToken* cancel) {
  std::error_code error;
  require(fs::is_regular_file(path, error), "{}: Parquet is read from files alone, since its end is read first",
          path.string());
  return std::make_unique<ParquetColumn>(path, field, cancel);
}

bool reads_parquet() { return true; }

}  // namespace t6
