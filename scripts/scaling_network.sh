#!/usr/bin/env bash
# Runs a command by N ranks, each in a network of its own that is as slow as wanted: N network namespaces at a bridge, what
# each sends limited to a rate. Needs root, Open MPI and the kernel's tbf. All is removed at the end.
#
#   scripts/scaling_network.sh N RATE COMMAND...     RATE as tc takes it: 100mbit
#
# Prints on standard error what each rank sent, in bytes, headers among them.
set -euo pipefail

if (($# < 3)); then
  echo "usage: scripts/scaling_network.sh N RATE COMMAND..." >&2
  exit 2
fi
readonly ranks=$1 rate=$2
shift 2
readonly prefix=t6s$$
work=$(mktemp -d)

cleanup() {
  local name
  for name in $(ip netns list | awk '{ print $1 }' | grep "^$prefix-"); do ip netns delete "$name"; done
  rm -rf "$work"
}
trap cleanup EXIT

hosts=()
ip netns add "$prefix-switch"
ip -n "$prefix-switch" link add bridge type bridge
ip -n "$prefix-switch" link set bridge up
for ((i = 1; i <= ranks; i++)); do
  space=$prefix-$i
  ip netns add "$space"
  ip -n "$space" link add eth0 type veth peer name "port$i" netns "$prefix-switch"
  ip -n "$space" address add "10.77.0.$i/24" dev eth0
  ip -n "$space" link set lo up
  # Packets of a network's size: the kernel would hand over 64 KiB at once, which a bucket of the limit does not hold.
  ip -n "$space" link set eth0 gso_max_size 8192 gso_max_segs 4 2>/dev/null || true
  ip -n "$space" link set eth0 up
  ip -n "$prefix-switch" link set "port$i" master bridge up
  tc -n "$space" qdisc add dev eth0 root tbf rate "$rate" burst 128k latency 100ms
  hosts+=("10.77.0.$i")
done

# What mpirun calls in ssh's place: AGENT HOST COMMAND.
cat >"$work/agent" <<AGENT
#!/bin/sh
space=$prefix-\${1##*.}
shift
exec ip netns exec "\$space" sh -c "\$*"
AGENT
chmod +x "$work/agent"

sent() { ip netns exec "$1" cat /sys/class/net/eth0/statistics/tx_bytes; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
status=0
ip netns exec "$prefix-1" mpirun -n "$ranks" --host "$(IFS=, && echo "${hosts[*]}")" --map-by node --bind-to none \
  --mca plm_rsh_agent "$work/agent" --mca btl self,tcp --mca btl_tcp_if_include 10.77.0.0/24 \
  --mca oob_tcp_if_include 10.77.0.0/24 "$@" || status=$?
for ((i = 1; i <= ranks; i++)); do echo "rank $((i - 1)) sent $(sent "$prefix-$i") bytes" >&2; done
exit $status
