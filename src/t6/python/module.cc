// The extension t6._engine. python/t6/engine.py is what people use; what it takes and gives is said there.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <utility>

#include "t6/core/error.h"
#include "t6/core/version.h"
#include "t6/numbers/cache_type.h"
#include "t6/python/model.h"
#include "t6/python/options.h"
#include "t6/python/sequence.h"

namespace t6 {
namespace {

namespace nb = nanobind;
using namespace nb::literals;

using Released = nb::call_guard<nb::gil_scoped_release>;
using Scores = nb::ndarray<nb::numpy, double, nb::ndim<1>>;

Scores array_of(std::vector<double> numbers) {
  auto owner = std::make_unique<std::vector<double>>(std::move(numbers));
  double* const data = owner->data();
  const size_t size = owner->size();
  const nb::capsule keeper(owner.release(),
                           [](void* held) noexcept { delete static_cast<std::vector<double>*>(held); });
  return Scores(data, {size}, keeper);
}

nb::list score(const std::shared_ptr<PythonModel>& model, const std::vector<std::vector<int32_t>>& lists) {
  std::vector<std::vector<double>> scores;
  {
    const nb::gil_scoped_release released;
    scores = python_score(model, lists);
  }
  nb::list out;
  for (std::vector<double>& numbers : scores) out.append(array_of(std::move(numbers)));
  return out;
}

nb::dict result_of(PythonSequence& sequence) {
  const Generated result = sequence.result();
  nb::dict out;
  out["text"] = nb::str(result.text.data(), result.text.size());
  out["tokens"] = sequence.written();
  out["stop_reason"] = std::string(stop_reason_name(result.reason));
  out["stop"] = result.stop.empty() ? nb::object(nb::none()) : nb::object(nb::str(result.stop.c_str()));
  out["prompt_tokens"] = result.prompt_tokens;
  out["prompt_tokens_per_second"] = result.prompt_rate();
  out["decode_tokens_per_second"] = result.decode_rate();
  out["cache_bytes"] = result.cache_bytes;
  nb::list own, likeliest;
  for (const WrittenToken& token : result.written) {
    own.append(token.log_probability);
    nb::list others;
    for (const TokenLogProbability& other : token.likeliest) others.append(nb::make_tuple(other.id, other.value));
    likeliest.append(others);
  }
  out["log_probabilities"] = own;
  out["likeliest"] = likeliest;
  return out;
}

void bind_model(nb::module_& module) {
  const auto load = [](PythonModel* self, const std::filesystem::path& path, std::optional<int> threads,
                       const std::string& cache_type, std::optional<int64_t> cache_memory, int64_t context) {
    const nb::gil_scoped_release released;
    new (self) PythonModel(path, {threads, cache_type, cache_memory, context});
  };
  const auto tokenize = [](const PythonModel& model, const std::string& text) {
    return model.loaded().tokenizer->encode_whole(text);
  };
  const auto detokenize = [](const PythonModel& model, const std::vector<int32_t>& tokens, bool skip_special) {
    return model.loaded().tokenizer->decode(tokens, skip_special);
  };
  const auto chat_prompt = [](const PythonModel& model, const std::string& messages, const std::string& variables,
                              const std::string& chosen, bool control_tokens) {
    const PythonPrompt prompt = model.chat_prompt(messages, variables, chosen, control_tokens);
    return nb::make_tuple(prompt.tokens, prompt.stop_tokens, prompt.stop);
  };
  nb::class_<PythonModel>(module, "Model")
      .def("__init__", load, "path"_a, "threads"_a.none(), "cache_type"_a, "cache_memory"_a.none(), "context"_a)
      .def_prop_ro("info", &PythonModel::info)
      .def_prop_ro("notes", &PythonModel::notes)
      .def_prop_ro("strips_space", [](const PythonModel& model) { return model.loaded().tokenizer->strips_space(); })
      .def("tokenize", tokenize, "text"_a)
      .def("detokenize", detokenize, "tokens"_a, "skip_special"_a)
      .def("chat_prompt", chat_prompt, "messages"_a, "variables"_a, "template"_a, "control_tokens"_a);
}

void bind_sequence(nb::module_& module) {
  const auto begin = [](PythonSequence& sequence, const nb::dict& options) {
    sequence.begin(python_options(options, sequence.model().loaded()));
  };
  nb::class_<PythonSequence>(module, "Sequence")
      .def(nb::init<std::shared_ptr<PythonModel>>(), "model"_a)
      .def_prop_ro("tokens", &PythonSequence::tokens)
      .def_prop_ro("cached", &PythonSequence::cached)
      .def_prop_ro("result", result_of)
      .def("append", &PythonSequence::append, "tokens"_a)
      .def("truncate", &PythonSequence::truncate, "size"_a)
      .def("begin", begin, "options"_a)
      .def("next", &PythonSequence::next, Released())
      .def("close", &PythonSequence::close)
      .def("save", &PythonSequence::save, "path"_a, Released())
      .def("load", &PythonSequence::load, "path"_a, Released());
}

}  // namespace
}  // namespace t6

NB_MODULE(_engine, module) {
  nanobind::exception<t6::Error>(module, "Error", PyExc_ValueError);
  t6::bind_model(module);
  t6::bind_sequence(module);
  module.def("run_all", &t6::PythonSequence::run_all, nanobind::arg("sequences"), t6::Released());
  module.def("score", t6::score, nanobind::arg("model"), nanobind::arg("lists"));
  module.def("cache_types", t6::cache_type_names);
  module.attr("version") = std::string(t6::version());
}
