#include "t6/text/decoder.h"

#include <cstdint>

#include "t6/core/error.h"

namespace t6 {
namespace {

bool check_sequence(const JsonObject& decoder, Spelling spelling) {
  const Json& parts = decoder.at("decoders");
  require(parts.is_array(), "{}: \"decoders\" must be an array", decoder.source());
  require(spelling == Spelling::sentence_piece || parts.size() == 1, "{}: {} decoders in a row are not supported",
          decoder.source(), parts.size());
  bool strips = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    strips |= check_decoder(JsonObject(parts[i], fmt::format("{}: decoders[{}]", decoder.source(), i)), spelling);
  }
  return strips;
}

bool check_sentence_piece(const JsonObject& decoder, const std::string& type) {
  const auto want = [&](bool good) { require(good, "{}: this {} is not supported", decoder.source(), type); };
  if (type == "ByteFallback" || type == "Fuse") return false;
  if (type == "Replace") {
    want(decoder.object("pattern").string_or("String", "") == kSpaceMark && decoder.string("content") == " ");
    return false;
  }
  if (type == "Strip") {
    const int64_t start = decoder.integer("start", 0, INT64_MAX), stop = decoder.integer("stop", 0, INT64_MAX);
    want(decoder.string("content") == " " && start <= 1 && stop == 0);
    return start == 1;
  }
  if (type == "Metaspace") {
    want(decoder.string_or("replacement", std::string(kSpaceMark)) == kSpaceMark);
    return decoder.string_or("prepend_scheme", "always") != "never";
  }
  fail("{}: the type \"{}\" is not supported (Replace, ByteFallback, Fuse, Strip and Metaspace are)", decoder.source(),
       type);
}

}  // namespace

bool check_decoder(const JsonObject& decoder, Spelling spelling) {
  const std::string type = decoder.string("type");
  if (type == "Sequence") return check_sequence(decoder, spelling);
  if (spelling == Spelling::sentence_piece) return check_sentence_piece(decoder, type);
  require(type == "ByteLevel", "{}: the type \"{}\" is not supported (ByteLevel is)", decoder.source(), type);
  return false;
}

}  // namespace t6
