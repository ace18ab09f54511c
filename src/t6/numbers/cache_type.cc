#include "t6/numbers/cache_type.h"

#include "t6/core/error.h"

namespace t6 {

std::string_view cache_type_name(NumberType type) {
  for (const CacheType& row : kCacheTypes) {
    if (row.type == type) return row.name;
  }
  fail("a cache cannot store {}; wanted one of {}", number_type_name(type), fmt::join(cache_type_names(), ", "));
}

std::vector<std::string> cache_type_names() {
  std::vector<std::string> names;
  for (const CacheType& row : kCacheTypes) names.emplace_back(row.name);
  return names;
}

NumberType parse_cache_type(std::string_view name) {
  for (const CacheType& row : kCacheTypes) {
    if (row.name == name) return row.type;
  }
  fail("the cache type must be one of {}, not \"{}\"", fmt::join(cache_type_names(), ", "), name);
}

}  // namespace t6
