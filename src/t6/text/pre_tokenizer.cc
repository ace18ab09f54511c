#include "t6/text/pre_tokenizer.h"

#include "t6/core/error.h"
#include "t6/text/pattern_syntax.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

// What ByteLevel cuts with unless told not to.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Hugging Face asks Rust's char::is_numeric, whose Unicode 17 has two more ranges than the patterns' Unicode 16.
constexpr std::string_view kDigit = R"([\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}])";

}  // namespace

PreTokenizer::PreTokenizer(const Json& json, const std::string& source) {
  add(json, source);
  require(has_byte_level_, "{}: no ByteLevel in it; only byte-level BPE is supported", source);
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
  } else {
    fail("{}: the type \"{}\" is not supported (Sequence, Split, Digits and ByteLevel are)", source, type);
  }
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

void PreTokenizer::split(std::string_view text, Pattern::Scratch& scratch, const Sink& sink) const {
  if (!text.empty()) run(0, text, scratch, sink);
}

void PreTokenizer::run(size_t step, std::string_view piece, Pattern::Scratch& scratch, const Sink& sink) const {
  if (step == steps_.size()) {
    sink(piece);
  } else if (const auto* split = std::get_if<Split>(&steps_[step])) {
    cut(*split, step, piece, scratch, sink);
  } else if (piece.starts_with(' ')) {
    run(step + 1, piece, scratch, sink);
  } else {
    run(step + 1, " " + std::string(piece), scratch, sink);
  }
}

void PreTokenizer::cut(const Split& split, size_t step, std::string_view piece, Pattern::Scratch& scratch,
                       const Sink& sink) const {
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
    run(step + 1, piece.substr(held.begin, held.end - held.begin), scratch, sink);
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
