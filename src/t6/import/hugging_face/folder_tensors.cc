#include "t6/import/hugging_face/folder_tensors.h"

#include <set>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "t6/formats/state_dict.h"

namespace t6 {
namespace {

constexpr const char* kNames[] = {"model.safetensors", "pytorch_model.bin"};

template <typename File>
std::shared_ptr<const File> add_tensors(FolderTensors& all, const std::filesystem::path& path) {
  const auto file = std::make_shared<const File>(path);
  for (const auto& [name, tensor] : file->tensors()) {
    require(all.tensors.emplace(name, tensor).second, "{}: the tensor \"{}\" is in another file, too", path.string(),
            name);
  }
  all.owners.push_back(file);
  return file;
}

void add_file(FolderTensors& all, const std::filesystem::path& path) {
  if (path.extension() == ".safetensors") {
    const auto file = add_tensors<SafetensorsFile>(all, path);
    all.let_go.push_back([file](std::span<const std::byte> bytes) { file->let_go(bytes); });
  } else {
    add_tensors<StateDictFile>(all, path);
  }
}

// Of a file like `single`, beside the index.
void add_files_of_index(FolderTensors& all, const std::filesystem::path& index, const std::filesystem::path& single) {
  const Json json = read_json(index);
  const JsonObject map = JsonObject(json, index.string()).object("weight_map");
  std::set<std::string> names;
  for (const auto& [tensor, file] : map.json().items()) names.insert(map.string(tensor));
  for (const std::string& name : names) {
    require(name.find('/') == std::string::npos && name.ends_with(single.extension().string()),
            "{}: \"{}\" is not the name of a *{} file beside it", index.string(), name, single.extension().string());
    add_file(all, index.parent_path() / name);
  }
}

}  // namespace

FolderTensors open_folder_tensors(const std::filesystem::path& folder) {
  FolderTensors all;
  for (const char* name : kNames) {
    const auto single = folder / name;
    auto index = single;
    index += ".index.json";
    if (path_exists(single)) {
      all.source = single.string();
      add_file(all, single);
      return all;
    }
    if (path_exists(index)) {
      all.source = index.string();
      add_files_of_index(all, index, single);
      return all;
    }
  }
  fail("{}: holds neither model.safetensors nor pytorch_model.bin, nor an index of such files", folder.string());
}

}  // namespace t6
