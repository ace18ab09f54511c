// The weights in a folder that another program wrote: one file or several, safetensors or pickled.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "t6/formats/safetensors.h"

namespace t6 {

struct FolderTensors {
  std::string source;  // the file, or the index of several; for messages
  TensorViews tensors;
  std::vector<std::shared_ptr<const void>> owners;  // of the tensors' bytes
  std::vector<LetGo> let_go;                        // of each file that can
};

// Of model.safetensors or model.safetensors.index.json; where neither is, of pytorch_model.bin or
// pytorch_model.bin.index.json. Errors: none is there; a tensor is in two files; those of the files.
FolderTensors open_folder_tensors(const std::filesystem::path& folder);

}  // namespace t6
