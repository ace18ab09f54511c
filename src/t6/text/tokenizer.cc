#include "t6/text/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <system_error>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/formats/model_files.h"
#include "t6/text/gguf_tokenizer.h"
#include "t6/text/tokenizer/byte_level.h"
#include "t6/text/tokenizer/folder_tokens.h"
#include "t6/text/tokenizer/tokenizer_file.h"
#include "t6/text/tokenizer/tokenizer_json.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

// Names of the token between documents, in the order of preference: Llama 3 has the second, older models the third.
constexpr std::string_view kEndOfText[] = {kEndOfTextName, "<|end_of_text|>", "</s>"};

// What one encode() call needs for itself.
struct Scratch {
  Pattern::Scratch pattern;
  BytePairEncoder::Memory memory;
};

// Scratches of calls that have ended, for the calls to come: what one has learned about words serves the next.
class ScratchPool {
 public:
  std::unique_ptr<Scratch> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<Scratch>();
    std::unique_ptr<Scratch> scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }
  void give_back(std::unique_ptr<Scratch> scratch) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_;
};

std::string byte_tokenizer_json() {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte)
    vocabulary[byte_level_spelling(std::string(1, static_cast<char>(byte)))] = byte;
  return tokenizer_json({.preparation = text_preparation("bytes"),
                         .vocabulary = std::move(vocabulary),
                         .added_tokens = Json::array({added_token(kEndOfTextName, 256, true)})})
      .dump();
}

}  // namespace

struct Tokenizer::Parts {
  Parts(std::string text, const std::string& source) : json(std::move(text)), file(parse_tokenizer_file(json, source)) {
    std::string storage;
    for (const AddedToken& token : file.added_tokens) {
      if (token.normalized) {
        in_normalized_text.add(token, file.normalizer.apply(token.content, storage));
      } else {
        in_raw_text.add(token, token.content);
      }
    }
    bytes_only = file.pre_tokenizer.bytes_only() && file.normalizer.does_nothing();
  }

  void encode(std::string_view text, bool goes_on, Scratch& scratch, std::vector<int32_t>& ids) const;

  std::string json;
  TokenizerFile file;
  AddedTokenFinder in_raw_text, in_normalized_text;
  bool bytes_only;
  mutable ScratchPool pool;
};

void Tokenizer::Parts::encode(std::string_view text, bool goes_on, Scratch& scratch, std::vector<int32_t>& ids) const {
  using Before = PreTokenizer::Before;
  Before before = goes_on ? Before::text : Before::nothing;
  const auto take_token = [&](const AddedToken& token) {
    ids.push_back(token.id);
    before = Before::piece;
  };
  const auto take_word = [&](std::string_view word) { file.encoder.encode(word, scratch.memory, ids); };
  std::string normal;
  in_raw_text.split(text, [&](std::string_view piece, const AddedToken* token) {
    if (token != nullptr) return take_token(*token);
    const std::string_view normalized = file.normalizer.apply(piece, normal, before == Before::text);
    in_normalized_text.split(normalized, [&](std::string_view part, const AddedToken* inner) {
      if (inner != nullptr) return take_token(*inner);
      file.pre_tokenizer.split(part, scratch.pattern, take_word, before);
      before = Before::piece;
    });
  });
}

Tokenizer::Tokenizer(std::string json, const std::string& source)
    : parts_(std::make_unique<const Parts>(std::move(json), source)) {}
Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  encode(text, /*goes_on=*/false, ids);
  return ids;
}

void Tokenizer::encode_further(std::string_view text, std::vector<int32_t>& ids) const {
  encode(text, /*goes_on=*/true, ids);
}

void Tokenizer::encode(std::string_view text, bool goes_on, std::vector<int32_t>& ids) const {
  std::string valid;
  if (!parts_->bytes_only && !is_valid_utf8(text)) {
    append_valid_utf8(text, valid);
    text = valid;
  }
  std::unique_ptr<Scratch> scratch = parts_->pool.take();
  parts_->encode(text, goes_on, *scratch, ids);
  parts_->pool.give_back(std::move(scratch));
}

std::vector<int32_t> Tokenizer::encode_whole(std::string_view text) const {
  std::vector<int32_t> ids = encode(text);
  const std::vector<int32_t>& before = prefix();
  const bool spelled_out = ids.size() >= before.size() && std::equal(before.begin(), before.end(), ids.begin());
  if (!spelled_out) ids.insert(ids.begin(), before.begin(), before.end());
  return ids;
}

const std::vector<int32_t>& Tokenizer::prefix() const { return parts_->file.prefix; }

std::string Tokenizer::decode_bytes(std::span<const int32_t> ids, bool skip_special) const {
  const Vocabulary& vocabulary = parts_->file.vocabulary;
  std::string bytes;
  for (const int32_t id : ids) {
    if (vocabulary.has(id) && !(skip_special && vocabulary.special(id))) bytes += vocabulary.bytes(id);
  }
  return bytes;
}

bool Tokenizer::strips_space() const { return parts_->file.strips_space; }

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string bytes = decode_bytes(ids, skip_special);
  if (strips_space() && bytes.starts_with(' ')) bytes.erase(0, 1);
  if (is_valid_utf8(bytes)) return bytes;
  std::string text;
  append_valid_utf8(bytes, text);
  return text;
}

int64_t Tokenizer::vocab_size() const { return parts_->file.vocabulary.size(); }

std::optional<int32_t> Tokenizer::end_of_text() const {
  for (const std::string_view name : kEndOfText) {
    if (const auto id = id_of(name)) return id;
  }
  return std::nullopt;
}

std::optional<int32_t> Tokenizer::id_of(std::string_view token) const { return parts_->file.vocabulary.find(token); }

std::string_view Tokenizer::token(int32_t id) const {
  return parts_->file.vocabulary.has(id) ? parts_->file.vocabulary.spelling(id) : std::string_view();
}

bool Tokenizer::is_special(int32_t id) const {
  return parts_->file.vocabulary.has(id) && parts_->file.vocabulary.special(id);
}

const std::string& Tokenizer::json() const { return parts_->json; }

const std::vector<std::string>& Tokenizer::notes() const { return parts_->file.notes; }

namespace {

// Our own folders hold a tokenizer.json that is complete.
bool is_own_folder(const std::filesystem::path& folder) {
  const auto config = folder / kConfigFile;
  if (!path_exists(config)) return false;
  const Json json = read_json(config);
  return json.is_object() && json.value("model_type", Json()) == "t6";
}

std::string read_folder_tokenizer(const std::filesystem::path& folder) {
  const auto file = folder / kTokenizerFile;
  for (const char* other : {"tokenizer.model", "vocab.json", "tekken.json"}) {
    require(path_exists(file) || !path_exists(folder / other),
            "{}: holds {} and no tokenizer.json; let transformers' AutoTokenizer read it and save_pretrained write one",
            folder.string(), other);
  }
  require(path_exists(file), "{}: holds no tokenizer.json", folder.string());
  std::string json = read_text(file);
  return is_own_folder(folder) ? json : with_tokens_of_folder(std::move(json), folder);
}

}  // namespace

std::string read_tokenizer_json(const std::filesystem::path& path) {
  std::error_code error;  // an unreadable path is reported by read_text
  if (std::filesystem::is_directory(path, error)) return read_folder_tokenizer(path);
  return is_gguf(path) ? gguf_tokenizer_json(GgufFile(path)) : read_text(path);
}

std::shared_ptr<const Tokenizer> load_tokenizer(const std::filesystem::path& path) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(path, error);
  return std::make_shared<const Tokenizer>(read_tokenizer_json(path), (folder ? path / kTokenizerFile : path).string());
}

std::shared_ptr<const Tokenizer> byte_tokenizer() {
  static const auto shared = std::make_shared<const Tokenizer>(byte_tokenizer_json(), "the byte tokenizer");
  return shared;
}

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special)
    : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {}

std::string StreamDecoder::push(int32_t id) {
  held_ += tokenizer_->decode_bytes({&id, 1}, skip_special_);
  const size_t whole = held_.size() - incomplete_utf8_tail(held_);
  std::string text;
  append_valid_utf8(std::string_view(held_).substr(0, whole), text);
  held_.erase(0, whole);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  append_valid_utf8(std::exchange(held_, {}), text);
  return text;
}

}  // namespace t6
