"""The processes that train one model together: who they are, and what they tell each other."""

import dataclasses
import os
import sys
from typing import Any, NoReturn

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from .errors import require


@dataclasses.dataclass
class Processes:
    """Rank `rank` of `size`. mesh [dp, tp]: sequences are divided over dp, heads over tp; None for a process alone."""

    device: torch.device
    rank: int = 0
    size: int = 1
    mesh: DeviceMesh | None = None

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def data_rank(self) -> int:
        return self.mesh["dp"].get_local_rank() if self.mesh is not None else 0

    @property
    def data_size(self) -> int:
        return self.mesh["dp"].size() if self.mesh is not None else 1

    def sum(self, numbers: list[float]) -> list[float]:
        """Of all processes, each number in float64, the same on every process."""
        if self.mesh is None:
            return numbers
        total = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(total)
        return total.tolist()

    def tell(self, value: Any) -> Any:
        """The first process's value, on all."""
        if self.mesh is None:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def wait(self) -> None:
        """Until all are here."""
        self.sum([0.0])


def start_processes(device: str, tensor_parallel: int) -> Processes:
    """Joins the processes that torchrun started; without it, or with one, this process is alone.

    device: "cpu", or "cuda", where a process has the device of its local rank. Errors: no such device, a number of
    processes that `tensor_parallel` does not divide.
    """
    size, rank, local = (int(os.environ.get(name, default)) for name, default in
                         (("WORLD_SIZE", "1"), ("RANK", "0"), ("LOCAL_RANK", "0")))
    require(size % tensor_parallel == 0,
            f"--tensor-parallel is {tensor_parallel}; it has to divide the number of processes, {size}")
    require(device in ("cpu", "cuda"), f'--device must be "cpu" or "cuda", not "{device}"')
    place = torch.device("cpu")
    if device == "cuda":
        require(torch.cuda.is_available(), "--device cuda: this PyTorch finds no such device")
        require(local < torch.cuda.device_count(),
                f"--device cuda: process {local} of this machine has none; there are {torch.cuda.device_count()}")
        place = torch.device("cuda", local)
        torch.cuda.set_device(place)
    if size == 1:
        return Processes(place)
    if not dist.is_initialized():
        require_new_addresses()
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")
    mesh = init_device_mesh(device, (size // tensor_parallel, tensor_parallel), mesh_dim_names=("dp", "tp"))
    return Processes(place, rank, size, mesh)


def require_new_addresses() -> None:
    """Error: processes that torchrun starts again would find the addresses of those before them in its store, and wait
    for them."""
    shared = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    require(not shared or os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") == "0",
            "torchrun's --max-restarts needs TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in its environment")


def stop_processes(processes: Processes) -> None:
    """Leaves the group that start_processes joined."""
    if processes.mesh is not None:
        dist.destroy_process_group()


def leave(status: int) -> NoReturn:
    """Ends this process. One of several ends without Python's own end: there a thread of Gloo's that still lets go of a
    tensor can ask for the interpreter's lock, which ends that thread, and with it the process ("terminate called")."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        sys.exit(status)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def local(tensor: Tensor) -> Tensor:
    """What this process holds of it."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """All of it, on the CPU. Every process has to call it."""
    tensor = tensor.detach()
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).cpu().contiguous()


def part_of(full: Tensor, like: Tensor) -> Tensor:
    """What this process holds of a tensor that is distributed as `like`. Later dimensions of a mesh cut first."""
    if not isinstance(like, DTensor):
        return full
    coordinate = like.device_mesh.get_coordinate()
    for mesh_dim in reversed(range(like.device_mesh.ndim)):
        dim = getattr(like.placements[mesh_dim], "dim", None)
        if dim is not None:
            pieces = full.chunk(like.device_mesh.size(mesh_dim), dim)
            index = coordinate[mesh_dim]
            full = pieces[index] if index < len(pieces) else full.narrow(dim, 0, 0)
    return full


def copies(tensor: Tensor, processes: Processes) -> int:
    """How many processes hold each number of it."""
    if not isinstance(tensor, DTensor):
        return processes.size
    shards = 1
    for mesh_dim, placement in enumerate(tensor.placements):
        shards *= tensor.device_mesh.size(mesh_dim) if getattr(placement, "dim", None) is not None else 1
    return processes.size // shards
