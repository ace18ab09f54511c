// What the bench commands say about the machine that they ran on.
#pragma once

#include <cstdint>
#include <string>

#include "t6/core/threads.h"

namespace t6 {

std::string processor_name();  // "AMD EPYC", as the system names it; "unknown" where it does not
std::string today();           // local date, "2026-11-24"

int64_t available_memory();  // bytes that may be taken without swapping; the largest number where nobody knows
// Why `bytes` are more than a measurement should take of that; empty when they are not.
std::string memory_shortage(int64_t bytes);
int64_t resident_memory();  // bytes of this process now, page by page
int64_t peak_memory();      // the most bytes of this process so far

// Bytes per second that these threads together read from memory: the roof of decoding. Takes half a second.
double memory_read_rate(const Threads& threads);

}  // namespace t6
