#include "t6/text/tokenizer/pre_tokenizer.h"

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer/pattern_syntax.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

// What ByteLevel cuts with unless told not to.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Hugging Face asks Rust's char::is_numeric, whose Unicode 17 has two more ranges than the patterns' Unicode 16.
constexpr std::string_view kDigit = R"([\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}])";

std::string with_space_marks(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    if (byte == ' ') {
      out += kSpaceMark;
    } else {
      out += byte;
    }
  }
  return out;
}

}  // namespace

PreTokenizer::PreTokenizer(const Json& json, const std::string& source, Spelling spelling) : spelling_(spelling) {
  const bool sentence_piece = spelling == Spelling::sentence_piece;
  if (!sentence_piece || !json.is_null()) add(json, source);
  require(has_byte_level_ != sentence_piece, "{}: {}", source,
          sentence_piece ? "ByteLevel does not go with byte_fallback"
                         : "no ByteLevel in it, which a tokenizer without byte_fallback needs");
}

void PreTokenizer::add(const Json& json, const std::string& source) {
  const JsonObject object(json, source);
  const std::string type = object.string("type");
  require(!has_byte_level_, "{}: \"{}\" after ByteLevel; ByteLevel must be the last one", source, type);
  if (type == "Sequence") {
    const Json& parts = object.at("pretokenizers");
    require(parts.is_array(), "{}: \"pretokenizers\" must be an array", source);
    for (size_t i = 0; i < parts.size(); ++i) add(parts[i], fmt::format("{}: pretokenizers[{}]", source, i));
  } else if (type == "Split") {
    add_split(object);
  } else if (type == "Digits") {
    const bool single = object.boolean_or("individual_digits", false);
    add_split(single ? std::string(kDigit) : std::string(kDigit) + "+", Behavior::kIsolated, false, source);
  } else if (type == "ByteLevel") {
    add_byte_level(object);
  } else if (type == "Metaspace" && spelling_ == Spelling::sentence_piece) {
    add_metaspace(object);
  } else {
    fail("{}: the type \"{}\" is not supported (Sequence, Split, Digits and {} are)", source, type,
         spelling_ == Spelling::byte_level ? "ByteLevel" : "Metaspace");
  }
}

void PreTokenizer::add_metaspace(const JsonObject& json) {
  const std::string mark = json.string_or("replacement", std::string(kSpaceMark));
  require(mark == kSpaceMark, "{}: the replacement \"{}\" is not supported (\"{}\" is)", json.source(), mark,
          kSpaceMark);
  const std::string scheme = json.string_or("prepend_scheme", "always");
  Metaspace step{Metaspace::Prepend::kAlways};
  if (scheme == "first") {
    step.prepend = Metaspace::Prepend::kFirst;
  } else if (scheme == "never") {
    step.prepend = Metaspace::Prepend::kNever;
  } else {
    require(scheme == "always", "{}: unknown \"prepend_scheme\" \"{}\"", json.source(), scheme);
  }
  steps_.emplace_back(step);
  if (json.boolean_or("split", true)) {
    steps_.emplace_back(Split{Pattern(kSpaceMark, true, json.source()), Behavior::kMergedWithNext, false});
  }
}

void PreTokenizer::cut_at_space_marks() {
  add_split(fmt::format("{0}*[^{0}]+|{0}+", kSpaceMark), Behavior::kIsolated, false, "words");
}

void PreTokenizer::add_split(const JsonObject& json) {
  const JsonObject pattern = json.object("pattern");
  const bool literal = pattern.has("String");
  const std::string text = pattern.string(literal ? "String" : "Regex");
  const std::string name = json.string("behavior");
  Behavior behavior = Behavior::kIsolated;
  if (name == "Removed") {
    behavior = Behavior::kRemoved;
  } else if (name == "MergedWithPrevious") {
    behavior = Behavior::kMergedWithPrevious;
  } else if (name == "MergedWithNext") {
    behavior = Behavior::kMergedWithNext;
  } else if (name == "Contiguous") {
    behavior = Behavior::kContiguous;
  } else {
    require(name == "Isolated", "{}: unknown \"behavior\" \"{}\"", json.source(), name);
  }
  const bool invert = json.boolean_or("invert", false);
  if (literal) {
    steps_.emplace_back(Split{Pattern(text, true, pattern.source()), behavior, invert});
  } else {
    add_split(text, behavior, invert, pattern.source());
  }
}

void PreTokenizer::add_split(std::string_view regex, Behavior behavior, bool invert, const std::string& source) {
  steps_.emplace_back(Split{Pattern(pcre_from_oniguruma(regex, source), false, source), behavior, invert});
}

void PreTokenizer::add_byte_level(const JsonObject& json) {
  has_byte_level_ = true;
  if (json.boolean("add_prefix_space")) steps_.emplace_back(PrefixSpace{});
  if (json.boolean_or("use_regex", true)) add_split(kGpt2Pattern, Behavior::kIsolated, false, json.source());
}

void PreTokenizer::split(std::string_view text, Pattern::Scratch& scratch, const Sink& sink, Before before) const {
  if (!text.empty()) run(0, text, before, scratch, sink);
}

void PreTokenizer::run(size_t step, std::string_view piece, Before before, Pattern::Scratch& scratch,
                       const Sink& sink) const {
  if (step == steps_.size()) {
    sink(piece);
  } else if (const auto* split = std::get_if<Split>(&steps_[step])) {
    cut(*split, step, piece, before, scratch, sink);
  } else if (const auto* metaspace = std::get_if<Metaspace>(&steps_[step])) {
    std::string marked = with_space_marks(piece);
    const bool prepends = metaspace->prepend == Metaspace::Prepend::kAlways  ? before != Before::text
                          : metaspace->prepend == Metaspace::Prepend::kFirst ? before == Before::nothing
                                                                             : false;
    if (prepends && !marked.starts_with(kSpaceMark)) marked.insert(0, kSpaceMark);
    run(step + 1, marked, before, scratch, sink);
  } else if (piece.starts_with(' ') || before == Before::text) {
    run(step + 1, piece, before, scratch, sink);
  } else {
    run(step + 1, " " + std::string(piece), before, scratch, sink);
  }
}

void PreTokenizer::cut(const Split& split, size_t step, std::string_view piece, Before before,
                       Pattern::Scratch& scratch, const Sink& sink) const {
  const auto joins = [&](bool previous, bool next) {  // the flags say whether a range is a match
    switch (split.behavior) {
      case Behavior::kMergedWithPrevious:
        return next && !previous;
      case Behavior::kMergedWithNext:
        return previous && !next;
      case Behavior::kContiguous:
        return previous == next;
      default:
        return false;
    }
  };
  TextRange held{0, 0};  // may still grow
  bool held_matches = false;
  const auto give = [&] {
    if (held.begin == held.end || (split.behavior == Behavior::kRemoved && held_matches)) return;
    run(step + 1, piece.substr(held.begin, held.end - held.begin), held.begin == 0 ? before : Before::piece, scratch,
        sink);
  };
  const auto take = [&](TextRange range, bool matches) {
    matches = matches != split.invert;
    if (joins(held_matches, matches)) {
      held.end = range.end;
    } else {
      give();
      held = range;
    }
    held_matches = matches;
  };

  size_t covered = 0, start = 0;
  bool matched = false;  // then the last match ended at `covered`
  while (start <= piece.size()) {
    const std::optional<TextRange> match = split.pattern.find(piece, start, scratch);
    if (!match) break;
    if (match->begin == match->end && matched && match->end == covered) {
      // An empty match right after a match says nothing new: look further on.
      start = covered < piece.size() ? covered + utf8_step(piece, covered).length : covered + 1;
      continue;
    }
    if (match->begin > covered) take({covered, match->begin}, false);
    take(*match, true);
    covered = start = match->end;
    matched = true;
  }
  if (covered < piece.size()) take({covered, piece.size()}, false);
  give();
}

}  // namespace t6
