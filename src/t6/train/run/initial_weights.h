// The first weights of a run that begins with another model's.
#pragma once

#include <cstdint>
#include <filesystem>

#include "t6/import/import.h"
#include "t6/nn/transformer.h"

namespace t6 {

// A model of any form that read_model takes, or a run's folder. Unlike there, one of ours need not have a tokenizer,
// which is not read: neither has a run on token shards that came without. It may be a classifier, too.
ImportedModel read_given_model(Context& context, const std::filesystem::path& path);

// Fills `model` with the weights of `given`. Its vocabulary may be another: rows of embedding and output head that both
// have are copied, the others are the values that a new model of this seed begins with. Its longest context and its
// rotation may be other, too, and a classifier may begin with a language model, which has no labels' matrix. Error: any
// other setting differs; it is named with both its values, and `source`.
void use_given_weights(Transformer& model, const ImportedModel& given, uint64_t seed, const std::string& source);

}  // namespace t6
