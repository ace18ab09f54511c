// Devices that have no kernels of ours: there the operators are compositions of ATen's.
#pragma once

#include <torch/library.h>

namespace t6 {

struct OtherDevice {
  c10::DispatchKey backend, autograd;
};
inline constexpr OtherDevice kOtherDevices[] = {
    {c10::DispatchKey::CUDA, c10::DispatchKey::AutogradCUDA},
    {c10::DispatchKey::XPU, c10::DispatchKey::AutogradXPU},
    {c10::DispatchKey::MPS, c10::DispatchKey::AutogradMPS},
    {c10::DispatchKey::PrivateUse1, c10::DispatchKey::AutogradPrivateUse1},
};

// The operator there, below autograd: its gradients are those of all devices, by operators that are registered, too.
template <typename Function>
void implement_elsewhere(torch::Library& library, const char* name, Function* composite) {
  for (const OtherDevice& device : kOtherDevices) library.impl(name, torch::dispatch(device.backend, composite));
}

// The operator there, with the gradients that ATen's operators have.
template <typename Function>
void implement_with_gradients_elsewhere(torch::Library& library, const char* name, Function* composite) {
  implement_elsewhere(library, name, composite);
  for (const OtherDevice& device : kOtherDevices) library.impl(name, torch::dispatch(device.autograd, composite));
}

}  // namespace t6
