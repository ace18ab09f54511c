// The epsilons that the paper's reference fixes, whatever a configuration's rms_norm_eps is. Both wings use them.
#pragma once

namespace t6 {

inline constexpr double kLatentEpsilon = 1e-6;  // compressed queries of MLA and MFA, latents of MLA
inline constexpr double kHeadEpsilon = 1e-5;    // a head's output ("subln")

}  // namespace t6
