// std::regex, about whose code GCC 12 warns under AddressSanitizer (GCC bug 105562).
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <regex>
