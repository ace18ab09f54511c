// The parameters of a generation, as requests to any endpoint say them.
#pragma once

#include "t6/serve/api/body.h"
#include "t6/serve/api/service.h"

namespace t6 {

// temperature, top_p, top_k, ..., seed, logit_bias, stop, stop_token_ids, min_tokens, ignore_eos, cache_salt. Neither
// the number of tokens nor log-probabilities, which endpoints name differently. A request without a seed gets a random
// one.
GenerateOptions read_sampling(Body& body, const Service& service);

// The first of `names` that the request uses, else `fallback`; no more than the context has room for after the prompt.
// Errors: the prompt fills the context, or more is asked for than there is room.
int64_t read_max_tokens(Body& body, std::initializer_list<const char*> names, int64_t prompt_tokens,
                        const Service& service, int64_t fallback, int64_t least);

// Error: fewer tokens at most than at least.
void check_min_tokens(const GenerateOptions& options);

// The request's own deadline ("timeout", seconds), or the server's.
Job::Clock::time_point read_deadline(Body& body, const Service& service);

// Error, status 404: another model than this one.
void require_model(Body& body, const Service& service);

}  // namespace t6
