#include "t6/text/tokenizer/decoder.h"

#include <string>
#include <string_view>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer/tokenizer_json.h"

namespace t6 {
namespace {

// Whether `found` has every key of `wanted`, with its value.
bool has_all_of(const Json& found, const Json& wanted) {
  for (const auto& [key, value] : wanted.items()) {
    if (!found.is_object() || !found.contains(key) || found.at(key) != value) return false;
  }
  return true;
}

const Json& parts_of(const JsonObject& decoder) {
  const Json& parts = decoder.at("decoders");
  require(parts.is_array(), "{}: \"decoders\" must be an array", decoder.source());
  return parts;
}

bool check_sentence_piece(const JsonObject& decoder) {
  const Json wanted = sentence_piece_preparation(/*space_prefix=*/true).decoder.at("decoders");
  const std::string type = decoder.string("type");
  require(type == "Sequence", "{}: the type \"{}\" is not supported with byte_fallback (Sequence is)", decoder.source(),
          type);
  const Json& parts = parts_of(decoder);
  constexpr std::string_view kWanted = "Replace (of U+2581), ByteFallback, Fuse and, if any, Strip (of one space)";
  for (size_t i = 0; i < parts.size(); ++i) {
    require(i < wanted.size() && has_all_of(parts[i], wanted[i]), "{}: decoders[{}] is not supported; wanted are {}",
            decoder.source(), i, kWanted);
  }
  require(parts.size() + 1 >= wanted.size(), "{}: {} decoders; wanted are {}", decoder.source(), parts.size(), kWanted);
  return parts.size() == wanted.size();
}

}  // namespace

bool check_decoder(const JsonObject& decoder, Spelling spelling) {
  if (spelling == Spelling::sentence_piece) return check_sentence_piece(decoder);
  const std::string type = decoder.string("type");
  if (type == "Sequence") {
    const Json& parts = parts_of(decoder);
    require(parts.size() == 1, "{}: {} decoders in a row are not supported", decoder.source(), parts.size());
    return check_decoder(JsonObject(parts[0], decoder.source() + ": decoders[0]"), spelling);
  }
  require(type == "ByteLevel", "{}: the type \"{}\" is not supported (ByteLevel is)", decoder.source(), type);
  return false;
}

}  // namespace t6
