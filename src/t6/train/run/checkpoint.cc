#include "t6/train/run/checkpoint.h"

#include <cstring>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/model_files.h"
#include "t6/formats/run_files.h"
#include "t6/formats/safetensors.h"
#include "t6/nn/weights.h"

namespace t6 {
namespace {

constexpr int64_t kFormat = 1;

void require_same(const Json& saved, const Json& current, const std::string& source) {
  for (const auto& [section, settings] : current.items()) {
    for (const auto& [key, value] : settings.items()) {
      const Json before = saved.value(Json::json_pointer("/" + section + "/" + key), Json());
      require(
          before == value,
          "{}: this run cannot be resumed with other settings: {}.{} was {} and is now {}; change it back, or start "
          "another run with --out",
          source, section, key, before.dump(), value.dump());
    }
  }
}

}  // namespace

void write_checkpoint(const std::filesystem::path& folder, const TrainerState& state, const Transformer& model,
                      AdamW& optimizer, const std::filesystem::path& tokenizer) {
  write_json(folder / kConfigFile, config_to_json(model->config()));
  save_weights(model, folder);
  if (!tokenizer.empty()) write_text(folder / kTokenizerFile, read_text(tokenizer));
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : optimizer.moments()) tensors.push_back({name, view_of(tensor)});
  write_safetensors(folder / kMomentsFile, tensors);
  write_json(folder / kTrainerFile, {{"format", kFormat},
                                     {"step", state.step},
                                     {"tokens", state.tokens},
                                     {"seconds", state.seconds},
                                     {"configuration", state.configuration}});
}

TrainerState read_checkpoint(const std::filesystem::path& folder, const Json& configuration, Transformer& model,
                             AdamW& optimizer) {
  const auto path = folder / kTrainerFile;
  const Json json = read_json(path);
  const JsonObject object(json, path.string());
  const int64_t format = object.integer("format", 0, INT64_MAX);
  require(format == kFormat, "{}: \"format\" is {}, and this program reads {}", path.string(), format, kFormat);
  require_same(object.object("configuration").json(), configuration, path.string());

  load_weights(model, folder);
  const SafetensorsFile file(folder / kMomentsFile);
  for (auto& [name, tensor] : optimizer.moments()) {
    const TensorView& view = file.at(name, tensor.sizes().vec());
    require(view.type == NumberType::f32, "{}: tensor \"{}\" is {}, wanted F32", file.path().string(), name,
            number_type_name(view.type));
    std::memcpy(tensor.data_ptr(), view.bytes.data(), view.bytes.size());
  }
  const TrainerState state = {.step = object.integer("step", 0, INT64_MAX),
                              .tokens = object.integer("tokens", 0, INT64_MAX),
                              .seconds = object.number("seconds", 0, 1e18),
                              .configuration = configuration};
  optimizer.set_steps(state.step);
  return state;
}

}  // namespace t6
