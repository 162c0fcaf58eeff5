#!/usr/bin/env bash
# Clients of other projects, unmodified, against Rushlight before a real CometBFT network: CosmJS, tendermint-rpc, cosmrs and curl.
#   testing/interop/clients/run.sh [VERSION...]    default: v0.38.25 v0.40.0
# The same curl questions go to a node, to `cometbft light` and to Rushlight; what differs is printed as a table.
# RUSHLIGHT: the binary; built in release mode when not given. COMETBFT_CACHE: where nodes are built (default target/cometbft).
# Prints one line per case; exit code 1 if one failed. What cannot be run (no Go, no Node.js) is said loudly.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=(v0.38.25 v0.40.0)
command -v go >/dev/null || { echo "SKIPPED: no Go on PATH, so no CometBFT node can be built and NOTHING was checked" >&2; exit 0; }
export COMETBFT_CACHE="${COMETBFT_CACHE:-$root/target/cometbft}"
mkdir -p "$COMETBFT_CACHE"
if [ -z "${RUSHLIGHT:-}" ]; then
  cargo build --release --manifest-path "$root/Cargo.toml" -p rushlight-cli || exit 1
  RUSHLIGHT=${CARGO_TARGET_DIR:-$root/target}/release/rushlight
fi
cargo build --release --manifest-path "$here/rust/Cargo.toml" || exit 1
rust=${CARGO_TARGET_DIR:-$here/rust/target}/release/rushlight-interop-rust-clients
has_node=1
if command -v npm >/dev/null; then (cd "$here/cosmjs" && npm ci --no-audit --no-fund --silent) || exit 1
else has_node=; echo "LEFT OUT: no npm on PATH, CosmJS was NOT run" >&2; fi

work=$(mktemp -d) net= daemon= light=
failures=0
cleanup() {
  [ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null
  [ -z "$light" ] || kill -9 "$light" 2>/dev/null
  [ -z "$net" ] || "$root/testing/interop/cometbft/net.sh" stop "$net"
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
report() { printf '%-9s %-34s %-6s %s\n' "$version" "$1" "$2" "$3"; [ "$2" = ok ] || failures=$((failures + 1)); }
ask() { curl -s --max-time 20 "$@"; }
until_ok() { # SECONDS COMMAND...
  local end=$(($(date +%s) + $1)); shift
  until "$@" >/dev/null 2>&1; do [ "$(date +%s)" -lt "$end" ] || return 1; sleep 0.2; done
}
ready() { [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 2 "$ours/readyz")" = 200 ]; }

# One question to all three. Equal means: the same `result`, members sorted.
compare() { # NAME PATH
  local node light_answer mine verdict
  node=$(ask "$theirs$2" | "$here/result.mjs" "$3"); mine=$(ask "$ours$2" | "$here/result.mjs" "$3")
  light_answer=$(ask "$lights$2" | "$here/result.mjs" "$3")
  verdict="rushlight $([ "$mine" = "$node" ] && echo same || echo DIFFERS), cometbft light $([ "$light_answer" = "$node" ] && echo same || echo differs)"
  if [ "$mine" = "$node" ]; then report "curl $1" ok "$verdict"
  else report "curl $1" FAILED "$verdict"; printf '  node      %.300s\n  rushlight %.300s\n' "$node" "$mine"; fi
}

for version in "${versions[@]}"; do
  net=$work/net-$version
  # 4 validators, one node each; empty blocks come every 800 ms.
  "$root/testing/interop/cometbft/net.sh" start --version "$version" --validators 4 --empty-blocks-interval 800 \
    -chain-id "clients-${version//./-}" "$net" >"$work/endpoints" 2>"$work/net.log" || { report network FAILED "$(tail -2 "$work/net.log" | tr '\n' ' ')"; continue; }
  mapfile -t urls < <(grep -o 'http://[0-9.:]*' "$work/endpoints")
  theirs=${urls[0]} chain="clients-${version//./-}"
  hash=$(ask "$theirs/commit?height=2" | sed -n 's/.*"commit":{"height":"2","round":[0-9]*,"block_id":{"hash":"\([0-9A-F]*\)".*/\1/p')
  port=$((20000 + RANDOM % 8000)) lightport=$((28000 + RANDOM % 4000))
  ours=http://127.0.0.1:$port lights=http://127.0.0.1:$lightport
  { echo 'family = "tendermint"'; echo "chain_id = \"$chain\""; printf 'providers = ["%s", "%s", "%s", "%s"]\n' "${urls[@]:0:4}"
    echo 'trusting_period = "24h"'; echo '[trust]'; echo 'height = 2'; echo "hash = \"$hash\""; } >"$work/chain.toml"
  "$RUSHLIGHT" run --chain "$work/chain.toml" --data-dir "$work/data-$version" --listen "127.0.0.1:$port" >"$work/daemon.log" 2>&1 </dev/null &
  daemon=$!
  "$COMETBFT_CACHE/$version/cometbft" light "$chain" -p "$theirs" -w "${urls[1]},${urls[2]}" --height 2 --hash "$hash" \
    --laddr "tcp://127.0.0.1:$lightport" --trusting-period 24h --dir "$work/light-$version" --log-level error >"$work/light.log" 2>&1 </dev/null &
  light=$!
  until_ok 60 ready && report "ready" ok "$(ask "$ours/status" | cut -c1-120)" || report "ready" FAILED "$(tail -2 "$work/daemon.log" | tr '\n' ' ')"
  until_ok 30 curl -sf "$lights/status" || report "cometbft light" FAILED "it does not answer: $(tail -1 "$work/light.log")"

  [ -z "$has_node" ] || { if node "$here/cosmjs/headers.mjs" "$ours" "$theirs" >"$work/cosmjs.out" 2>&1; then report "CosmJS 0.39" ok "$(grep -c '^ok' "$work/cosmjs.out") comparisons; $(head -1 "$work/cosmjs.out")"
  else report "CosmJS 0.39" FAILED "see below"; grep -v '^ok' "$work/cosmjs.out" | cut -c1-600; fi; }
  if "$rust" "$ours" "$theirs" >"$work/rust.out" 2>&1; then report "tendermint-rpc 0.41, cosmrs 0.22" ok "$(grep -c '^ok' "$work/rust.out") comparisons"
  else report "tendermint-rpc 0.41, cosmrs 0.22" FAILED "see below"; grep -v '^ok' "$work/rust.out" | cut -c1-600; fi

  head=$(ask "$ours/status" | sed -n 's/.*"latest_block_height":"\([0-9]*\)".*/\1/p')
  at=$((head - 1))
  block=$(ask "$theirs/commit?height=$at" | sed -n 's/.*"commit":{"height":"[0-9]*","round":[0-9]*,"block_id":{"hash":"\([0-9A-F]*\)".*/\1/p')
  compare "/health" "/health" result
  compare "/header?height" "/header?height=$at" result
  compare '/header?height="…"' "/header?height=%22$at%22" result
  compare "/header_by_hash?hash=0x…" "/header_by_hash?hash=0x$block" result
  compare "/commit?height" "/commit?height=$((at - 1))" commit
  compare "/validators?height" "/validators?height=$at" validators
  compare "/validators?height&page&per_page" "/validators?height=$at&page=2&per_page=3" validators
  compare "/blockchain?minHeight&maxHeight" "/blockchain?minHeight=3&maxHeight=$at" blockchain
  compare "/consensus_params?height" "/consensus_params?height=$at" result
  compare "/commit?height of the future" "/commit?height=99999999" refused
  compare "/validators?page beyond the last" "/validators?height=$at&page=9" refused
  compare "/header?height=abc" "/header?height=abc" refused
  kill "$daemon" "$light" 2>/dev/null; wait "$daemon"; code=$?; wait "$light" 2>/dev/null; daemon= light=
  [ $code = 0 ] && report "SIGTERM" ok "exit code 0" || report "SIGTERM" FAILED "exit code $code"
  "$root/testing/interop/cometbft/net.sh" stop "$net"; net=
done
echo "$failures failures"
[ $failures = 0 ]
