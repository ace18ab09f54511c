#include "t6/text/documents.h"

#include <gmock/gmock.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

// The texts of all documents, their parts put together again; checks what every reader must keep.
std::vector<std::string> documents(const std::vector<fs::path>& files, const DocumentOptions& options = {}) {
  DocumentReader reader(files, options);
  std::vector<std::string> result;
  bool ended = true;
  for (DocumentPart part; reader.next(part); ended = part.last) {
    if (ended) result.emplace_back();
    EXPECT_EQ(part.document, static_cast<int64_t>(result.size()) - 1);
    EXPECT_TRUE(part.is_record() || part.bytes.size() <= kPartBytes);
    DocumentPart copy = part;
    result.back() += reader.text(std::move(copy));
  }
  EXPECT_TRUE(ended);
  return result;
}

std::string reading_error(const std::vector<fs::path>& files, const DocumentOptions& options = {}) {
  try {
    documents(files, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string lines_of_text(size_t size) {
  std::string text;
  for (int line = 0; text.size() < size; ++line) text += "line " + std::to_string(line) + " of a long text\n";
  return text;
}

TEST(DocumentReader, AFileIsADocument) {
  const TemporaryFolder folder;
  EXPECT_THAT(documents({folder.write("a.txt", "first\n"), folder.write("empty.txt", ""),
                         folder.write("blank.txt", " \n\n"), folder.write("b.txt", "second, \xc3\xa4")}),
              ElementsAre("first\n", "second, \xc3\xa4"));
}

TEST(DocumentReader, AByteOrderMarkIsNotText) {
  const TemporaryFolder folder;
  EXPECT_THAT(documents({folder.write("a.txt", "\xef\xbb\xbftext"), folder.write("b.txt", "\xef\xbb\xbf"),
                         folder.write("c.jsonl", "\xef\xbb\xbf{\"text\": \"line\"}")}),
              ElementsAre("text", "line"));
}

TEST(DocumentReader, ALargeFileComesInParts) {
  const TemporaryFolder folder;
  for (const size_t size : {kPartBytes, kPartBytes + 1, 4 * kPartBytes, 11 * kPartBytes + 77}) {
    std::string text = lines_of_text(size);
    text.resize(size);
    const std::vector<std::string> found = documents({folder.write("a.txt", text), folder.write("b.txt", "next")});
    ASSERT_EQ(found.size(), 2u);
    EXPECT_TRUE(found[0] == text) << size;
    EXPECT_EQ(found[1], "next");
  }
}

TEST(DocumentReader, PartsEndWhereALineBegins) {
  const TemporaryFolder folder;
  DocumentReader reader({folder.write("a.txt", lines_of_text(3 * kPartBytes))}, {});
  DocumentPart part;
  ASSERT_TRUE(reader.next(part));
  EXPECT_FALSE(part.last);
  EXPECT_EQ(part.bytes.back(), '\n');
  EXPECT_GT(part.bytes.size(), kPartBytes - 100);
}

TEST(DocumentReader, SeparatorsEndDocuments) {
  const TemporaryFolder folder;
  const DocumentOptions options = {.separator = "<|end|>"};
  EXPECT_THAT(documents({folder.write("a.txt", "one<|end|>two<|end|>\n<|end|><|en|>three<|end|>")}, options),
              ElementsAre("one", "two", "<|en|>three"));
  // Wherever a separator lies relative to the parts and the reads, it is found.
  for (size_t before = kPartBytes - 20; before < kPartBytes + 20; ++before) {
    const std::string first(before, 'x'), second(5 * kPartBytes - before, 'y');
    const fs::path file = folder.write("b.txt", first + "<|end|>" + second + "<|end|>z");
    const std::vector<std::string> found = documents({file}, options);
    ASSERT_EQ(found.size(), 3u) << before;
    EXPECT_TRUE(found[0] == first && found[1] == second && found[2] == "z") << before;
  }
}

TEST(DocumentReader, CutsBySizeWhereParagraphsEnd) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "A paragraph\nof two lines.\n\n";
  const std::vector<std::string> found = documents({folder.write("book.txt", text)}, {.document_bytes = 1024});
  std::string whole;
  for (const std::string& document : found) {
    EXPECT_LE(document.size(), 1024u);
    EXPECT_TRUE(document.ends_with(".\n\n"));
    whole += document;
  }
  EXPECT_EQ(whole, text);
  EXPECT_GE(found.size(), text.size() / 1024);
  EXPECT_LE(found.size(), text.size() / 512 + 1);
}

TEST(DocumentReader, JsonLinesAreDocuments) {
  const TemporaryFolder folder;
  const std::string large(3 * kPartBytes, 'x');
  const fs::path file = folder.write(
      "a.jsonl", "{\"id\": 1, \"text\": \"caf\\u00e9\\n\"}\n\n{\"text\": \"" + large + "\"}\r\n{\"text\": \"last\"}");
  EXPECT_THAT(documents({file}), ElementsAre("caf\xc3\xa9\n", large, "last"));
  EXPECT_THAT(documents({folder.write("b.ndjson", "{\"content\": \"c\"}\n")}, {.text_field = "content"}),
              ElementsAre("c"));
}

TEST(DocumentReader, ErrorsNameFileAndPlace) {
  const TemporaryFolder folder;
  EXPECT_THAT(reading_error({folder.write("a.jsonl", "{\"text\": \"a\"}\n\n{\"text\": \"b\"\n")}),
              HasSubstr("a.jsonl:3: not valid JSON"));
  EXPECT_THAT(reading_error({folder.write("b.jsonl", "{\"txt\": \"a\"}\n")}),
              HasSubstr("b.jsonl:1: the key \"text\" is missing"));
  EXPECT_THAT(reading_error({folder.write("c.jsonl", "{\"text\": 5}\n")}),
              HasSubstr("c.jsonl:1: \"text\" must be a string, not 5"));
  EXPECT_THAT(reading_error({folder.write("d.jsonl", "[1]\n")}), HasSubstr("d.jsonl:1: wanted a JSON object"));
  EXPECT_THAT(reading_error({folder.write("e.jsonl", "{\"text\": \"\xff\"}\n")}),
              HasSubstr("e.jsonl:1: not valid JSON"));
  EXPECT_THAT(reading_error({folder.write("f.jsonl", "{\"text\": " + std::string(100'000, '[') + "\n")}),
              HasSubstr("f.jsonl:1: "));
  EXPECT_THAT(reading_error({folder.write("g.txt", "good\xc3(bad")}), HasSubstr("g.txt: not UTF-8 text at byte 4"));
  std::string text = lines_of_text(2 * kPartBytes);
  text[kPartBytes + 5000] = '\xff';
  EXPECT_THAT(reading_error({folder.write("h.txt", text)}),
              HasSubstr("h.txt: not UTF-8 text at byte " + std::to_string(kPartBytes + 5000)));
  EXPECT_THAT(reading_error({folder.path() / "gone.txt"}), HasSubstr("gone.txt: cannot open: No such file"));
}

TEST(DocumentReader, FieldsWithinFields) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("a.jsonl",
                                     "{\"a\": {\"b\": {\"c\": \"deep\"}, \"b.c\": \"shorter\"}}\n"
                                     "{\"a.b.c\": \"whole\", \"a\": {\"b\": {\"c\": \"deep\"}}}\n");
  EXPECT_THAT(documents({file}, {.text_field = "a.b.c"}), ElementsAre("shorter", "whole"));
  const fs::path other = folder.write("b.jsonl", "{\"a\": {\"b\": null}}\n");
  EXPECT_THAT(reading_error({other}, {.text_field = "a.b"}),
              HasSubstr("b.jsonl:1: \"a.b\" must be a string, not null"));
  EXPECT_THAT(reading_error({other}, {.text_field = "a.c"}), HasSubstr("b.jsonl:1: the key \"a.c\" is missing"));
  EXPECT_THAT(reading_error({other}, {.text_field = "a.b.c"}), HasSubstr("is missing"));
}

TEST(DocumentReader, FormatsMayBeSaid) {
  const TemporaryFolder folder;
  EXPECT_THAT(documents({folder.write("a.txt", "{\"text\": \"x\"}\n")}, {.format = TextFormat::jsonl}),
              ElementsAre("x"));
  EXPECT_THAT(documents({folder.write("a.jsonl", "{}\n")}, {.format = TextFormat::text}), ElementsAre("{}\n"));
}

std::string gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST(DocumentReader, CompressedFilesAreWhatIsInThem) {
  const TemporaryFolder folder;
  const std::string text = lines_of_text(3 * kPartBytes + 11), lines = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n";
  for (const auto& [extension, compress] : {std::pair{".gz", &gzip}, std::pair{".zst", &zstd}}) {
    const auto found =
        documents({folder.write(std::string("a.txt") + extension, compress(text)),
                   folder.write(std::string("b.jsonl") + extension, compress(lines)),
                   folder.write(std::string("c.TXT") + extension, compress("\xef\xbb\xbfx") + compress("y"))});
    ASSERT_EQ(found.size(), 4u) << extension;
    EXPECT_TRUE(found[0] == text);
    EXPECT_EQ(found[1] + found[2] + found[3], "onetwoxy") << "a mark is passed over, parts of a file follow each other";
    EXPECT_THAT(documents({folder.write(std::string("none.txt") + extension, compress(""))}), ElementsAre());
    EXPECT_EQ(text_bytes({folder.path() / (std::string("a.txt") + extension)}, 1 << 30, nullptr), std::ssize(text));
    EXPECT_EQ(text_bytes({folder.path() / (std::string("a.txt") + extension)}, 1000, nullptr), 1000);
  }
}

TEST(DocumentReader, DamagedCompressedFilesAreErrors) {
  const TemporaryFolder folder;
  const std::string text = lines_of_text(2000);
  for (const auto& [extension, compress] : {std::pair{".gz", &gzip}, std::pair{".zst", &zstd}}) {
    const std::string whole = compress(text), name = std::string("a.txt") + extension;
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::string message = reading_error({folder.write(name, whole.substr(0, size))});
      EXPECT_THAT(message, HasSubstr(name + ": its compressed data")) << size;
    }
    EXPECT_THAT(reading_error({folder.write(name, text)}), HasSubstr("its compressed data is damaged"));
    EXPECT_THAT(reading_error({folder.write(name, whole + "more")}), HasSubstr("its compressed data"));
  }
}

TEST(DocumentReader, RefusesTwoWaysToCut) {
  EXPECT_THROW(DocumentReader({}, {.separator = "\n", .document_bytes = 1024}), Error);
  EXPECT_THROW(DocumentReader({}, {.document_bytes = -1}), Error);
}

TEST(FindDocuments, ListsFoldersInOrderWithoutHiddenOnes) {
  const TemporaryFolder folder;
  const fs::path b = folder.write("in/b.txt", "b"), a = folder.write("in/deep/a.md", "a"),
                 c = folder.write("in/c.jsonl", "{}"), other = folder.write("other.html", "h");
  folder.write("in/.hidden/x.txt", "x");
  folder.write("in/.y.txt", "y");
  folder.write("in/z.bin", "z");
  const fs::path upper = folder.write("in/E.TXT.GZ", "e"), lines = folder.write("in/f.ndjson", "f");
  fs::create_directory_symlink(folder.path(), folder / "in/linked");
  std::vector<PassedOver> passed_over;
  EXPECT_THAT(find_documents({other, folder.path() / "in", "-"}, &passed_over),
              ElementsAre(other, upper, b, c, a, lines, "-"));
  std::vector<std::string> said;
  for (const auto& [path, reason] : passed_over) said.push_back(path.filename().string() + ": " + reason);
  EXPECT_THAT(said, ElementsAre(".hidden: hidden", ".y.txt: hidden", "linked: a link to a folder",
                                "z.bin: not *.txt, *.md, *.jsonl, *.ndjson or *.parquet"));
}

TEST(FindDocuments, RefusesWhatIsNotThere) {
  const TemporaryFolder folder;
  folder.write("in/z.bin", "z");
  EXPECT_THROW(find_documents({folder.path() / "gone"}), Error);
  EXPECT_THROW(find_documents({folder.path() / "in"}), Error);
  EXPECT_THROW(find_documents({"/dev/null"}), Error);
}

}  // namespace
}  // namespace t6
