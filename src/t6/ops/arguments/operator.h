// Operators by name, as they are called through the dispatcher: by autograd, autocast, tracing and subclasses of
// tensors.
#pragma once

#include <torch/library.h>

namespace t6 {

// `Function` is the signature of the operator's implementations. Look it up once: it searches a table.
template <typename Function>
c10::TypedOperatorHandle<Function> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").template typed<Function>();
}

}  // namespace t6
