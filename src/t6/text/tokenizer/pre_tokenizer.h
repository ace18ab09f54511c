// Cuts text into the words inside which BPE may merge: the "pre_tokenizer" of a tokenizer.json.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "t6/formats/json_object.h"
#include "t6/text/tokenizer/pattern.h"
#include "t6/text/tokenizer/spelling.h"

namespace t6 {

class PreTokenizer {
 public:
  using Sink = std::function<void(std::string_view word)>;
  // What lies before a piece: nothing; another piece or an added token; or text that it goes on with.
  enum class Before { nothing, piece, text };

  // For byte-level BPE `json` is a Sequence, Split, Digits or ByteLevel, with exactly one ByteLevel, at the end; for
  // SentencePiece it is null, or Metaspace, Split, Digits or a Sequence of them. Errors begin with `source`.
  PreTokenizer(const Json& json, const std::string& source, Spelling spelling = Spelling::byte_level);

  // From here on also cuts before each run of kSpaceMark: only a matter of speed where no merge joins what it parts.
  void cut_at_space_marks();

  // Gives the words of `text` (valid UTF-8 unless bytes_only()) to `sink`, in order. They are raw bytes: ByteLevel's
  // spelling is left to the vocabulary. A word lives until `sink` returns.
  void split(std::string_view text, Pattern::Scratch& scratch, const Sink& sink, Before before = Before::nothing) const;

  // Never looks at characters, so any bytes may come in.
  bool bytes_only() const { return steps_.empty() && spelling_ == Spelling::byte_level; }

 private:
  enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
  struct Split {
    Pattern pattern;
    Behavior behavior;
    bool invert;
  };
  // Puts a space before a piece that does not begin with one and does not go on with a text.
  struct PrefixSpace {};
  // Writes kSpaceMark for a space, and puts one before a piece that does not begin with one.
  struct Metaspace {
    enum class Prepend { kNever, kFirst, kAlways } prepend;  // first: where nothing is before
  };
  using Step = std::variant<Split, PrefixSpace, Metaspace>;

  void add(const Json& json, const std::string& source);
  void add_metaspace(const JsonObject& json);
  void add_split(const JsonObject& json);
  void add_split(std::string_view regex, Behavior behavior, bool invert, const std::string& source);
  void add_byte_level(const JsonObject& json);
  void run(size_t step, std::string_view piece, Before before, Pattern::Scratch& scratch, const Sink& sink) const;
  void cut(const Split& split, size_t step, std::string_view piece, Before before, Pattern::Scratch& scratch,
           const Sink& sink) const;

  Spelling spelling_;
  std::vector<Step> steps_;
  bool has_byte_level_ = false;
};

}  // namespace t6
