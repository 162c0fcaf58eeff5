#!/usr/bin/env bash
# Kills a syncing daemon with SIGKILL at random moments and checks each time that it restarts from a head no older than
# the last save that it acknowledged. A save is acknowledged by the log line "head saved", which the daemon writes after
# the disk has taken it.
#
#   testing/crash/kill-loop.sh [KILLS] [SEED]       200 kills by default; the seed of a run is printed
#
# Needs `cargo build --release -p rushlight-cli -p rushlight-devnet`, or RUSHLIGHT and DEVNET naming the two commands.
set -euo pipefail

kills=${1:-200}
seed=${2:-$(date +%s)}
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
rushlight=${RUSHLIGHT:-$target/release/rushlight}
devnet=${DEVNET:-$target/release/rushlight-devnet}
heights=${HEIGHTS:-20000}
validators=${VALIDATORS:-20}
port=${PORT:-27340}
# The longest life of a daemon, in milliseconds.
life_ms_max=${LIFE_MS_MAX:-400}

work=$(mktemp -d)
daemon=
network=
stop() {
    [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
    [ -z "$network" ] || kill "$network" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

"$devnet" --validators "$validators" --heights "$heights" --providers 3 --port "$port" --last-commit sparse --frozen \
    >"$work/devnet.log" 2>&1 &
network=$!
until grep -qs '^checkpoint' "$work/devnet.log"; do
    kill -0 "$network" || { cat "$work/devnet.log"; exit 1; }
    sleep 0.1
done
hash=$(sed -n 's/^checkpoint height 1 hash \([0-9A-F]*\) .*/\1/p' "$work/devnet.log")
cat >"$work/crash.toml" <<CHAIN
family = "tendermint"
chain_id = "rushlight-devnet"
providers = ["http://127.0.0.1:$port", "http://127.0.0.1:$((port + 1))", "http://127.0.0.1:$((port + 2))"]
trusting_period = "168h"
mode = "sequential"
[trust]
height = 1
hash = "$hash"
CHAIN

flags=(--chain "$work/crash.toml" --data-dir "$work/store" --listen off)

# The height that a start from the store goes on from; 0 when it holds none.
stored() {
    "$rushlight" status --json "${flags[@]}" --log-level error >"$work/status" || {
        echo "FAILED: the store does not open after kill $kill (seed $seed)"
        exit 1
    }
    grep -o '"head":{[^}]*}' "$work/status" | grep -o '"height":"[0-9]*"' | grep -o '[0-9]*' || echo 0
}

# The last height whose save was acknowledged; only whole lines count.
acknowledged() {
    grep '"head saved".*}$' "$work/log" | tail -n 1 | grep -o '"height":[0-9]*' | grep -o '[0-9]*' || true
}

RANDOM=$((seed % 32768))
last=0
syncing=0
progress=0
rounds=1
for ((kill = 1; kill <= kills; kill++)); do
    "$rushlight" run "${flags[@]}" --log-format json 2>"$work/log" &
    daemon=$!
    ms=$((RANDOM % life_ms_max))
    sleep "$(printf '0.%03d' "$ms")"
    kill -KILL "$daemon" 2>/dev/null || { echo "FAILED: the daemon ended by itself (seed $seed)"; cat "$work/log"; exit 1; }
    wait "$daemon" 2>/dev/null || true
    daemon=
    saved=$(acknowledged)
    saved=${saved:-$last}
    now=$(stored)
    if ((now < saved || now < last)); then
        echo "FAILED: kill $kill after $ms ms: acknowledged $saved, before $last, restarts from $now (seed $seed)"
        exit 1
    fi
    ((now >= heights)) || syncing=$((syncing + 1))
    ((now == last)) || progress=$((progress + 1))
    last=$now
    if ((now >= heights)); then
        # Synced: begin again, so that kills keep hitting a sync.
        rm -rf "$work/store"
        last=0
        rounds=$((rounds + 1))
    fi
done
echo "$kills kills, $syncing in the middle of a sync, $progress after new progress, $rounds syncs begun; every restart went on" \
    "from the last acknowledged head or a later one (seed $seed)"
# A run in which nothing was interrupted has shown nothing.
((syncing * 2 >= kills && progress * 4 >= kills)) || { echo "FAILED: too few kills hit a sync; change LIFE_MS_MAX or HEIGHTS"; exit 1; }
