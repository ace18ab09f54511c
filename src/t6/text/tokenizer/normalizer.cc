#include "t6/text/tokenizer/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer/pattern.h"
#include "t6/text/tokenizer/unicode_additions.h"

namespace t6 {
namespace {

// Hugging Face normalizes by the tables of Unicode 10, to which later marks and letters that compose are unassigned:
// they stay where they are and nothing moves across them. These came with Unicode 11 to 14, and the letters of the last
// line with 16; the marks of Unicode 15 and 16 are in unicode_additions(). tests/text/tokenizers_oracle.py tries them
// all.
constexpr std::string_view kLaterThanUnicode10 =
    R"(\x{7fd}\x{898}-\x{89f}\x{8ca}-\x{8d3}\x{9fe}\x{c3c}\x{d3b}-\x{d3c}\x{eba}\x{1715}\x{1abf}-\x{1ace})"
    R"(\x{1df6}-\x{1dfa}\x{a82c}\x{10d24}-\x{10d27}\x{10eab}-\x{10eac}\x{10f46}-\x{10f50}\x{10f82}-\x{10f85})"
    R"(\x{11070}\x{1133b}\x{1145e}\x{11839}-\x{1183a}\x{11930}\x{11938}\x{1193d}-\x{1193e}\x{11943}\x{119e0})"
    R"(\x{11a34}\x{11a47}\x{11a99}\x{11d42}\x{11d44}-\x{11d45}\x{11d97}\x{16ff0}-\x{16ff1}\x{1e130}-\x{1e136})"
    R"(\x{1e2ae}\x{1e2ec}-\x{1e2ef})"
    R"(\x{105c9}\x{105d2}\x{105da}\x{105e4}\x{16d63}\x{16d67}-\x{16d6a})";

// No character below U+0300 (lead bytes below CC) composes with another one below U+0300 or is changed by NFC.
bool surely_composed(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return static_cast<unsigned char>(byte) < 0xCC; });
}

void append_composed(std::string_view text, std::string& out) {
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &composed, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, std::free);
  require(size >= 0, "Unicode normalization failed: {}", utf8proc_errmsg(size));
  out.append(reinterpret_cast<const char*>(composed), static_cast<size_t>(size));
}

// In NFC; the text itself when it is composed already.
bool compose(std::string_view text, std::string& out) {
  if (surely_composed(text)) return false;
  static const Pattern inert(fmt::format("[{}{}]+", kLaterThanUnicode10, unicode_additions("M")), false, "inert marks");
  Pattern::Scratch scratch;
  for (size_t begin = 0; begin < text.size();) {
    const TextRange barrier = inert.find(text, begin, scratch).value_or(TextRange{text.size(), text.size()});
    append_composed(text.substr(begin, barrier.begin - begin), out);
    out += text.substr(barrier.begin, barrier.end - barrier.begin);
    begin = barrier.end;
  }
  return true;
}

bool replace_all(std::string_view text, std::string_view from, std::string_view to, std::string& out) {
  size_t at = text.find(from);
  if (at == std::string_view::npos) return false;
  size_t begin = 0;
  for (; at != std::string_view::npos; at = text.find(from, begin)) {
    out.append(text.substr(begin, at - begin)).append(to);
    begin = at + from.size();
  }
  out += text.substr(begin);
  return true;
}

}  // namespace

Normalizer::Normalizer(const Json& json, const std::string& source) {
  if (!json.is_null()) add(json, source);
}

void Normalizer::add(const Json& json, const std::string& source) {
  const JsonObject object(json, source);
  const std::string type = object.string("type");
  if (type == "NFC") {
    steps_.emplace_back(Compose{});
  } else if (type == "Prepend") {
    steps_.emplace_back(Prepend{object.string("prepend")});
  } else if (type == "Replace") {
    Replace step{object.object("pattern").string("String"), object.string("content")};
    require(!step.from.empty(), "{}: \"pattern\" is empty", source);
    steps_.emplace_back(std::move(step));
  } else if (type == "Sequence") {
    const Json& parts = object.at("normalizers");
    require(parts.is_array(), "{}: \"normalizers\" must be an array", source);
    for (size_t i = 0; i < parts.size(); ++i) add(parts[i], fmt::format("{}: normalizers[{}]", source, i));
  } else {
    fail("{}: the type \"{}\" is not supported (NFC, Prepend, Replace and Sequence are)", source, type);
  }
}

std::string_view Normalizer::apply(std::string_view text, std::string& storage, bool goes_on) const {
  for (const Step& step : steps_) {
    std::string next;
    bool changed = true;
    if (const auto* prepend = std::get_if<Prepend>(&step)) {
      changed = !text.empty() && !goes_on;
      if (changed) next.append(prepend->text).append(text);
    } else if (const auto* replace = std::get_if<Replace>(&step)) {
      changed = replace_all(text, replace->from, replace->to, next);
    } else {
      changed = compose(text, next);
    }
    if (!changed) continue;
    storage = std::move(next);
    text = storage;
  }
  return text;
}

}  // namespace t6
