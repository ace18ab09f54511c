// Amounts as people write them: "16GiB", "1.2M", "1h02m".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace t6 {

// "16GiB", "16G", "512MB", "1024" -> bytes. KB, MB, GB are powers of 1000; KiB and bare K, M, G powers of
// 1024. Error: not a positive size.
int64_t parse_bytes(std::string_view text);
std::string format_bytes(double bytes);      // 1536 -> "1.5 KiB"
std::string format_count(double count);      // 1234567 -> "1.23 M"
std::string format_digits(int64_t count);    // 1234567 -> "1,234,567"
std::string format_rate(double rate);        // 5436.4 -> "5,436", 27.84 -> "27.8", 0.1773 -> "0.177"
std::string format_seconds(double seconds);  // 3725 -> "1h02m"

}  // namespace t6
