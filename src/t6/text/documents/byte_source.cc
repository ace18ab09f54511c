#include "t6/text/documents/byte_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "t6/core/error.h"

namespace t6 {
namespace {

namespace fs = std::filesystem;

// Bytes as they lie in the file.
class PlainSource : public ByteSource {
 public:
  PlainSource(const fs::path& path, const CancelToken* cancel)
      : name_(is_standard_input(path) ? "standard input" : path.string()),
        descriptor_(is_standard_input(path) ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
        cancel_(cancel) {
    require(descriptor_ >= 0, "{}: cannot open: {}", name_, std::strerror(errno));
  }
  ~PlainSource() override {
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
  }

  size_t read(char* to, size_t size) override {
    size_t done = 0;
    while (done < size) {
      wait();
      const ssize_t count = ::read(descriptor_, to + done, size - done);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      require(count >= 0, "{}: cannot read past byte {}: {}", name_, bytes_read_, std::strerror(errno));
      if (count == 0) break;
      done += static_cast<size_t>(count);
      bytes_read_ += count;
    }
    return done;
  }
  int64_t bytes_read() const override { return bytes_read_; }
  const std::string& name() const { return name_; }

 private:
  // Until there is something to read, looking at the token now and then.
  void wait() const {
    for (pollfd input = {descriptor_, POLLIN, 0};;) {
      require(!cancel_ || !cancel_->cancelled(), "interrupted");
      if (::poll(&input, 1, 200) > 0) return;
    }
  }

  std::string name_;
  int descriptor_;
  const CancelToken* cancel_;
  int64_t bytes_read_ = 0;
};

// What the two ways of compression share: a buffer of what lies in the file.
class CompressedSource : public ByteSource {
 public:
  CompressedSource(const fs::path& path, const CancelToken* cancel) : file_(path, cancel), buffer_(size_t{1} << 18) {}

  size_t read(char* to, size_t size) override {
    size_t done = 0;
    while (done < size) {
      if (begin_ == end_ && !at_end_) fill();
      const size_t count = decompress(to + done, size - done);
      done += count;
      if (count == 0 && begin_ == end_ && at_end_) {
        require(whole(), "{}: its compressed data ends in the middle", file_.name());
        break;
      }
    }
    return done;
  }
  int64_t bytes_read() const override { return file_.bytes_read(); }

 protected:
  // Takes from what input() gives, puts at most `size` bytes `to` and returns their number.
  virtual size_t decompress(char* to, size_t size) = 0;
  virtual bool whole() const = 0;  // what was taken so far ends where a compressed stream does

  const char* input() const { return buffer_.data() + begin_; }
  size_t input_size() const { return end_ - begin_; }
  void take(size_t size) { begin_ += size; }
  [[noreturn]] void fail_damaged(const char* reason) const {
    fail("{}: its compressed data is damaged: {}", file_.name(), reason);
  }

 private:
  void fill() {
    begin_ = 0;
    end_ = file_.read(buffer_.data(), buffer_.size());
    at_end_ = end_ < buffer_.size();
  }

  PlainSource file_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
  bool at_end_ = false;
};

class GzipSource : public CompressedSource {
 public:
  GzipSource(const fs::path& path, const CancelToken* cancel) : CompressedSource(path, cancel) {
    constexpr int kGzipWindow = 15 + 16;
    require(inflateInit2(&stream_, kGzipWindow) == Z_OK, "{}: cannot begin to decompress", path.string());
  }
  ~GzipSource() override { inflateEnd(&stream_); }

 protected:
  size_t decompress(char* to, size_t size) override {
    if (input_size() == 0) return 0;
    if (ended_) {  // a file may hold several members, one after the other
      inflateReset(&stream_);
      ended_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input()));
    stream_.avail_in = static_cast<uInt>(input_size());
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    const auto room = static_cast<uInt>(std::min(size, size_t{1} << 30));
    stream_.avail_out = room;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      fail_damaged(stream_.msg ? stream_.msg : "not gzip");
    }
    take(input_size() - stream_.avail_in);
    ended_ = result == Z_STREAM_END;
    return room - stream_.avail_out;
  }
  bool whole() const override { return ended_; }

 private:
  z_stream stream_ = {};
  bool ended_ = false;
};

class ZstdSource : public CompressedSource {
 public:
  ZstdSource(const fs::path& path, const CancelToken* cancel)
      : CompressedSource(path, cancel), stream_(ZSTD_createDStream()) {
    require(stream_ != nullptr, "{}: cannot begin to decompress", path.string());
    // As far back as `zstd --long=31` looks.
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 31);
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

 protected:
  size_t decompress(char* to, size_t size) override {
    ZSTD_inBuffer in = {input(), input_size(), 0};
    ZSTD_outBuffer out = {to, size, 0};
    if (in.size == 0 && left_ == 0) return 0;
    const size_t result = ZSTD_decompressStream(stream_, &out, &in);
    if (ZSTD_isError(result)) fail_damaged(ZSTD_getErrorName(result));
    take(in.pos);
    left_ = result;
    return out.pos;
  }
  bool whole() const override { return left_ == 0; }

 private:
  ZSTD_DStream* stream_;
  size_t left_ = 1;  // 0 where a frame ends; an empty file is none
};

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::string lower_extension(const fs::path& path) { return lower(path.extension().string()); }

}  // namespace

std::unique_ptr<ByteSource> open_source(const fs::path& path, const CancelToken* cancel) {
  if (lower_extension(path) == ".gz") return std::make_unique<GzipSource>(path, cancel);
  if (lower_extension(path) == ".zst") return std::make_unique<ZstdSource>(path, cancel);
  return std::make_unique<PlainSource>(path, cancel);
}

fs::path name_of_content(const fs::path& path) {
  return lower(is_compressed(path) ? path.stem().string() : path.filename().string());
}

bool is_compressed(const fs::path& path) {
  const std::string extension = lower_extension(path);
  return extension == ".gz" || extension == ".zst";
}

bool is_standard_input(const fs::path& path) { return path == "-"; }

}  // namespace t6
