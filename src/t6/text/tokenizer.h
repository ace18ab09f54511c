// Text to token ids and back: BPE over bytes or, as SentencePiece has it, over characters with bytes for those that are
// rare; as a Hugging Face tokenizer.json describes it, id for id.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace t6 {

// Const methods may be called from many threads at once.
class Tokenizer {
 public:
  // `json` is the text of a tokenizer.json; `source` names it in errors. Error: malformed, or it asks for
  // something else (another model than BPE, dropout, ...).
  Tokenizer(std::string json, const std::string& source);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // The ids of `text`, without the special tokens that a template would put around it. Added tokens that
  // stand in the text ("<|endoftext|>") become their ids. Bytes that are not UTF-8 become U+FFFD, as Python's
  // errors="replace" does it, unless no part of the tokenizer looks at characters (byte_tokenizer): then they
  // stay as they are.
  std::vector<int32_t> encode(std::string_view text) const;
  // Appends the ids of a text that goes on after another one: without the space that SentencePiece puts before a text.
  void encode_further(std::string_view text, std::vector<int32_t>& ids) const;

  // The ids of a text from its beginning: encode() after prefix(), unless the text spells the prefix out itself.
  std::vector<int32_t> encode_whole(std::string_view text) const;
  // What the model wants to see before a text, as <|begin_of_text|> of Llama 3; empty for most tokenizers.
  const std::vector<int32_t>& prefix() const;

  // Ids that no token has decode to nothing, as in Hugging Face: a model's rows may be padded beyond the
  // vocabulary.
  std::string decode(std::span<const int32_t> ids, bool skip_special) const;  // invalid UTF-8 becomes U+FFFD
  // Bytes as the tokens hold them: those of a text may begin with a space that is not of the text.
  std::string decode_bytes(std::span<const int32_t> ids, bool skip_special) const;
  // Whether decode() takes that space off, as SentencePiece does.
  bool strips_space() const;

  int64_t vocab_size() const;                  // highest id + 1; ids below may have no token
  std::optional<int32_t> end_of_text() const;  // what separates documents: <|endoftext|>, <|end_of_text|> or </s>
  std::optional<int32_t> id_of(
      std::string_view token) const;         // "<|im_end|>", or a vocabulary entry as the file spells it
  std::string_view token(int32_t id) const;  // as the file spells it; empty when no token has this id
  bool is_special(int32_t id) const;
  const std::vector<std::string>& notes() const;  // what is read otherwise than the file says it, a line each
  const std::string& json() const;                // the tokenizer.json text, to be saved inside a checkpoint

 private:
  struct Parts;
  void encode(std::string_view text, bool goes_on, std::vector<int32_t>& ids) const;

  std::unique_ptr<const Parts> parts_;
};

// The text of a tokenizer.json: `path` is one, a folder that holds one, or a GGUF file. To that of a folder that
// another program wrote belong the tokens which the files beside it name (tokenizer_config.json, ...). Errors: those of
// the files.
std::string read_tokenizer_json(const std::filesystem::path& path);
std::shared_ptr<const Tokenizer> load_tokenizer(const std::filesystem::path& path);

// The built-in tokenizer: ids 0 to 255 are the bytes, 256 is <|endoftext|>.
std::shared_ptr<const Tokenizer> byte_tokenizer();

// Decodes tokens as they come, after others: holds back an incomplete UTF-8 sequence until its end arrives. All that
// push() and finish() return, put together, is decode_bytes() of all ids, U+FFFD in place of what is not UTF-8.
class StreamDecoder {
 public:
  StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special);
  std::string push(int32_t id);
  std::string finish();

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  bool skip_special_;
  std::string held_;  // at most three bytes
};

}  // namespace t6
