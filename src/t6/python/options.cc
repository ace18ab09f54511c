#include "t6/python/options.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "t6/core/error.h"

namespace t6 {
namespace {

namespace nb = nanobind;

// An option by the name of Python's argument.
struct Row {
  const char* name;
  void (*set)(GenerateOptions& options, nb::handle value);
};

template <auto kMember>
void set(GenerateOptions& options, nb::handle value) {
  auto& member = options.*kMember;
  member = nb::cast<std::remove_reference_t<decltype(member)>>(value);
}

template <auto kMember>
void set_sampler(GenerateOptions& options, nb::handle value) {
  auto& member = options.sampler.*kMember;
  member = nb::cast<std::remove_reference_t<decltype(member)>>(value);
}

// One text, or several.
void set_stop(GenerateOptions& options, nb::handle value) {
  if (nb::isinstance<nb::str>(value)) return options.stop.push_back(nb::cast<std::string>(value));
  options.stop = nb::cast<std::vector<std::string>>(value);
}

constexpr Row kRows[] = {{"max_tokens", set<&GenerateOptions::max_tokens>},
                         {"min_tokens", set<&GenerateOptions::min_tokens>},
                         {"ignore_eos", set<&GenerateOptions::ignore_eos>},
                         {"stop", set_stop},
                         {"stop_tokens", set<&GenerateOptions::stop_tokens>},
                         {"log_probabilities", set<&GenerateOptions::log_probabilities>},
                         {"temperature", set_sampler<&SamplerOptions::temperature>},
                         {"top_k", set_sampler<&SamplerOptions::top_k>},
                         {"top_p", set_sampler<&SamplerOptions::top_p>},
                         {"min_p", set_sampler<&SamplerOptions::min_p>},
                         {"typical_p", set_sampler<&SamplerOptions::typical_p>},
                         {"repetition_penalty", set_sampler<&SamplerOptions::repetition_penalty>},
                         {"presence_penalty", set_sampler<&SamplerOptions::presence_penalty>},
                         {"frequency_penalty", set_sampler<&SamplerOptions::frequency_penalty>},
                         {"penalty_window", set_sampler<&SamplerOptions::penalty_window>},
                         {"logit_bias", set_sampler<&SamplerOptions::logit_bias>},
                         {"seed", set_sampler<&SamplerOptions::seed>}};

void take_model_sampling(const SamplingSettings& own, SamplerOptions& options) {
  if (own.temperature) options.temperature = *own.temperature;
  if (own.top_k) options.top_k = *own.top_k;
  if (own.top_p) options.top_p = *own.top_p;
  if (own.min_p) options.min_p = *own.min_p;
  if (own.typical_p) options.typical_p = *own.typical_p;
  if (own.repetition_penalty) options.repetition_penalty = *own.repetition_penalty;
}

void set_option(GenerateOptions& options, const std::string& name, nb::handle value) {
  std::string names;
  for (const Row& row : kRows) {
    if (name != row.name) {
      names.append(names.empty() ? "" : ", ").append(row.name);
      continue;
    }
    try {
      return row.set(options, value);
    } catch (const std::bad_cast&) {
      const std::string shown = nb::cast<std::string>(nb::repr(value));
      throw nb::type_error(fmt::format("the option {} cannot be {}", name, shown).c_str());
    }
  }
  throw nb::type_error(fmt::format("no option is called {}; there are {}", name, names).c_str());
}

}  // namespace

GenerateOptions python_options(const nb::dict& given, const LoadedModel& loaded) {
  GenerateOptions options;
  take_model_sampling(loaded.text.sampling, options.sampler);
  for (const auto& [name, value] : given) {
    if (!value.is_none()) set_option(options, nb::cast<std::string>(name), value);
  }
  for (const int32_t id : options.stop_tokens) {
    require(id >= 0 && id < loaded.config().vocab_size, "stop_tokens: {} is no token of the model's {}", id,
            loaded.config().vocab_size);
  }
  return options;
}

}  // namespace t6
