#include "t6/text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "t6/core/error.h"

namespace t6 {
namespace {

// No character below U+0300 (lead bytes below CC) composes with another one below U+0300 or is changed by NFC.
bool surely_composed(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return static_cast<unsigned char>(byte) < 0xCC; });
}

}  // namespace

Normalizer::Normalizer(const Json& json, const std::string& source) {
  if (json.is_null()) return;
  const JsonObject object(json, source);
  const std::string type = object.string("type");
  if (type == "NFC") {
    composes_ = true;
  } else if (type == "Sequence") {
    const Json& parts = object.at("normalizers");
    require(parts.is_array(), "{}: \"normalizers\" must be an array", source);
    for (size_t i = 0; i < parts.size(); ++i) {
      const Normalizer part(parts[i], fmt::format("{}: normalizers[{}]", source, i));
      composes_ = composes_ || part.composes_;
    }
  } else {
    fail("{}: the type \"{}\" is not supported (NFC and Sequence are)", source, type);
  }
}

std::string_view Normalizer::apply(std::string_view text, std::string& storage) const {
  if (!composes_ || surely_composed(text)) return text;
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &composed, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, std::free);
  require(size >= 0, "Unicode normalization failed: {}", utf8proc_errmsg(size));
  storage.assign(reinterpret_cast<const char*>(composed), static_cast<size_t>(size));
  return storage;
}

}  // namespace t6
