#!/usr/bin/env bash
# Real CometBFT networks against the real `rushlight`: validators rotate, nodes are killed, started again and paused, while
# Rushlight syncs by skipping, sequentially and backwards. Every head is compared with what every node says at its /commit.
#   testing/interop/tendermint.sh [--blocks N] [--follow SECONDS] [VERSION...]    default: v0.38.25 v0.40.0
# RUSHLIGHT: the binary; built in release mode when not given. COMETBFT_CACHE: where nodes are built (default target/cometbft).
# Prints one line per case; exit code 1 if a case failed. Without Go it says so and does nothing.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
blocks=120 follow=30 versions=()
while [ $# -gt 0 ]; do
  case $1 in
    --blocks) blocks=$2; shift 2 ;;
    --follow) follow=$2; shift 2 ;;
    v*) versions+=("$1"); shift ;;
    *) sed -n 2,6p "$0" >&2; exit 2 ;;
  esac
done
[ ${#versions[@]} -gt 0 ] || versions=(v0.38.25 v0.40.0)
if ! command -v go >/dev/null; then
  echo "SKIPPED: no Go on PATH, so no CometBFT node can be built and NOTHING was checked against real networks" >&2
  exit 0
fi
command -v curl >/dev/null || { echo "curl is needed" >&2; exit 2; }
export COMETBFT_CACHE="${COMETBFT_CACHE:-$root/target/cometbft}"
mkdir -p "$COMETBFT_CACHE"
if [ -z "${RUSHLIGHT:-}" ]; then
  cargo build --release --manifest-path "$root/Cargo.toml" -p rushlight-cli || exit 1
  RUSHLIGHT=${CARGO_TARGET_DIR:-$root/target}/release/rushlight
fi

work=$(mktemp -d)
net=$work/net daemon= chaos=
port=$((20000 + RANDOM % 10000))
failures=0
cleanup() {
  [ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null
  [ -z "$chaos" ] || kill "$chaos" 2>/dev/null
  [ ! -d "$net" ] || "$here/cometbft/net.sh" stop "$net"
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

report() { printf '%-9s %-34s %-6s %s\n' "$version" "$1" "$2" "$3"; [ "$2" = ok ] || failures=$((failures + 1)); }

# Facts of a node, by curl and sed alone.
node_hash() { # URL HEIGHT
  curl -s --max-time 5 "$1/commit?height=$2" | tr -d ' \n' |
    sed -n 's/.*"commit":{"height":"[0-9]*","round":[0-9]*,"block_id":{"hash":"\([0-9A-F]*\)".*/\1/p'
}
node_height() { curl -s --max-time 5 "$1/status" | tr -d ' \n' | sed -n 's/.*"latest_block_height":"\([0-9]*\)".*/\1/p'; }
node_set() { # URL HEIGHT: the set's addresses
  curl -s --max-time 5 "$1/validators?height=$2&per_page=100" | tr -d ' \n' | grep -o '"address":"[0-9A-F]*"' | sort | tr -d '\n'
}
any_height() { local url height; for url in "${urls[@]}"; do height=$(node_height "$url"); [ -z "$height" ] || { echo "$height"; return; }; done; }
any_hash() { local url hash; for url in "${urls[@]}"; do hash=$(node_hash "$url" "$1"); [ -z "$hash" ] || { echo "$hash"; return; }; done; }

# Facts of the daemon.
status() { curl -s --max-time 5 -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}' "http://127.0.0.1:$port/"; }
number() { sed -n "s/.*\"$1\":\"\{0,1\}\([0-9]*\).*/\1/p"; }
head_height() { status | sed -n 's/.*"head":{\([^}]*\)}.*/\1/p' | number height; }
head_hash() { status | sed -n 's/.*"head":{[^}]*"hash":"\([0-9A-Fa-f]*\)".*/\1/p' | tr a-f A-F; }

chain_file() { # FILE MODE HEIGHT HASH
  { echo 'family = "tendermint"'; echo "chain_id = \"$chain_id\""
    printf 'providers = ["%s", "%s", "%s", "%s"]\n' "${urls[@]:0:4}"
    echo 'trusting_period = "24h"'; echo "mode = \"$2\""
    echo '[trust]'; echo "height = $3"; echo "hash = \"$4\""; } >"$1"
}
start_daemon() { # CHAIN_FILE DATA
  "$RUSHLIGHT" run --chain "$1" --data-dir "$2" --listen "127.0.0.1:$port" >>"$work/daemon.log" 2>&1 </dev/null &
  daemon=$!
}
stop_daemon() { # prints the exit code
  kill "$daemon" 2>/dev/null
  wait "$daemon"; local code=$?
  daemon=
  return $code
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
wait_ready() { # SECONDS: waits until /readyz says 200; prints how many ms that took
  local begin; begin=$(milliseconds)
  while [ $(($(milliseconds) - begin)) -lt $(($1 * 1000)) ]; do
    if [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 2 "http://127.0.0.1:$port/readyz")" = 200 ]; then
      echo $(($(milliseconds) - begin)); return 0
    fi
    kill -0 "$daemon" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}
# The daemon's head against every node that answers at its height; at least one must.
compare_head() { # prints what was compared
  local text height hash url theirs same=0
  text=$(status); height=$(sed -n 's/.*"head":{\([^}]*\)}.*/\1/p' <<<"$text" | number height)
  hash=$(sed -n 's/.*"head":{[^}]*"hash":"\([0-9A-Fa-f]*\)".*/\1/p' <<<"$text" | tr a-f A-F)
  for url in "${urls[@]}"; do
    theirs=$(node_hash "$url" "${height:-0}")
    [ -n "$theirs" ] || continue
    [ "$theirs" = "$hash" ] || { echo "head $height is $hash, $url says $theirs"; return 1; }
    same=$((same + 1))
  done
  echo "head $height, same hash at $same of ${#urls[@]} nodes; $(number headers_verified <<<"$text") headers, $(number signatures_checked <<<"$text") signatures, $(number blocks_fetched <<<"$text") blocks fetched"
  [ $same -gt 0 ]
}
# Kills one node after the other, the first provider included, starts it again; every third is paused instead.
start_chaos() {
  ( round=0
    while :; do
      victim=$((round % ${#urls[@]}))
      if [ $((round % 3)) = 2 ]; then
        "$here/cometbft/net.sh" pause-node "$net" $victim; sleep 2; "$here/cometbft/net.sh" resume-node "$net" $victim
      else
        "$here/cometbft/net.sh" stop-node "$net" $victim; sleep 1; "$here/cometbft/net.sh" start-node "$net" $victim
      fi
      echo "$victim" >>"$work/chaos"
      round=$((round + 1)); sleep 1
    done ) >/dev/null 2>&1 &
  chaos=$!
}
stop_chaos() {
  kill "$chaos" 2>/dev/null; wait "$chaos" 2>/dev/null; chaos=
  local i url
  for i in "${!urls[@]}"; do
    "$here/cometbft/net.sh" resume-node "$net" "$i" 2>/dev/null
    kill -0 "$(cat "$net/node$i.pid" 2>/dev/null || echo 999999999)" 2>/dev/null || "$here/cometbft/net.sh" start-node "$net" "$i"
  done
  local tries=0
  for url in "${urls[@]}"; do
    while [ -z "$(node_height "$url")" ] && [ $((tries += 1)) -lt 100 ]; do sleep 0.2; done
  done
}

sync_case() { # NAME MODE TRUSTED-HEIGHT
  local data=$work/data-$2 took line code
  chain_file "$work/$2.toml" "$2" "$3" "$(any_hash "$3")"
  : >"$work/chaos"; start_chaos
  start_daemon "$work/$2.toml" "$data"
  if took=$(wait_ready 90) && line=$(compare_head); then report "$1" ok "$line; $took ms to ready"
  else report "$1" FAILED "${line:-not ready in 90 s}: $(status | cut -c1-600)"; fi
  # It goes on following while nodes come and go, over a kill -9 in the middle.
  local before after; before=$(head_height)
  sleep $((follow / 2))
  kill -9 "$daemon"; wait "$daemon" 2>/dev/null
  start_daemon "$work/$2.toml" "$data"; wait_ready 60 >/dev/null
  local resumed; resumed=$(head_height)
  sleep $((follow / 2))
  stop_chaos
  wait_ready 60 >/dev/null
  after=$(head_height)
  if line=$(compare_head) && [ "${after:-0}" -gt "${before:-0}" ] && [ "${resumed:-0}" -ge "${before:-0}" ]; then
    report "  followed, killed, restarted" ok "from $before over $resumed to $after; $(wc -l <"$work/chaos") nodes killed or paused meanwhile; $line"
  else report "  followed, killed, restarted" FAILED "from ${before:-?} over ${resumed:-?} to ${after:-?}; ${line:-}; $(status | cut -c1-600)"; fi
  stop_daemon; code=$?
  [ $code = 0 ] || report "  SIGTERM" FAILED "exit code $code"
}

backwards_case() {
  local tip height answer ours theirs wrong=0 compared=0
  tip=$(($(any_height) - 3))
  chain_file "$work/backwards.toml" skipping "$tip" "$(any_hash "$tip")"
  start_chaos
  start_daemon "$work/backwards.toml" "$work/data-backwards"
  wait_ready 60 >/dev/null || report "backwards: start" FAILED "not ready: $(tail -3 "$work/daemon.log" | tr '\n' ' ')"
  for height in $((tip - 1)) $((tip / 2)) 3 2; do
    answer=$(curl -s --max-time 60 -H 'content-type: application/json' \
      -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_header\",\"params\":{\"height\":\"$height\"}}" "http://127.0.0.1:$port/")
    ours=$(tr a-f A-F <<<"$answer" | sed -n 's/.*"HASH":"\([0-9A-F]\{64\}\)".*/\1/Ip'); theirs=$(any_hash "$height")
    if [ -n "$theirs" ] && grep -qi "\"hash\":\"$theirs\"" <<<"$answer"; then compared=$((compared + 1))
    else wrong=$((wrong + 1)); report "backwards to $height" FAILED "ours ${ours:-none}, theirs ${theirs:-none}: $(cut -c1-300 <<<"$answer")"; fi
  done
  stop_chaos
  [ $wrong -gt 0 ] || report "backwards" ok "from $tip to 2 by the hash chain; $compared headers have the nodes' hashes"
  stop_daemon
}

refusals_case() {
  local real forged code line
  real=$(any_hash 2); forged=$(tr 0123456789ABCDEF 123456789ABCDEF0 <<<"$real")
  chain_file "$work/forged.toml" skipping 2 "$forged"
  start_daemon "$work/forged.toml" "$work/data-forged"
  if wait_ready 6 >/dev/null; then report "forged checkpoint" FAILED "it became ready"
  else
    line=$(status)
    kill -0 "$daemon" 2>/dev/null; code=$?
    if [ -z "$(sed -n 's/.*"head":{\([^}]*\)}.*/\1/p' <<<"$line")" ]; then report "forged checkpoint" ok "no head; $(sed -n 's/.*"why":"\([^"]*\)".*/\1/p' <<<"$line" | cut -c1-140)"
    else report "forged checkpoint" FAILED "a head was adopted: $line (running: $code)"; fi
  fi
  stop_daemon
}

bundle_case() {
  local height checkpoint code
  chain_file "$work/prove.toml" skipping 2 "$(any_hash 2)"
  height=$(($(any_height) - 2))
  "$RUSHLIGHT" prove --chain "$work/prove.toml" --data-dir "$work/data-prove" --height "$height" -o "$work/answer.rlb" >"$work/prove.out" 2>>"$work/daemon.log" ||
    { report "bundle" FAILED "prove: $(tail -2 "$work/daemon.log" | tr '\n' ' ')"; return; }
  checkpoint=$(grep -o 'rushlight:1:[^ "]*' "$work/prove.out" | head -1)
  "$here/cometbft/net.sh" stop "$net"
  if "$RUSHLIGHT" verify "$work/answer.rlb" --checkpoint "$checkpoint" --trusting-period 24h >"$work/verify.out" 2>&1; then
    report "bundle, all nodes stopped" ok "$(wc -c <"$work/answer.rlb") bytes prove height $height offline"
  else report "bundle, all nodes stopped" FAILED "$(tail -2 "$work/verify.out")"; fi
  printf '\377' | dd of="$work/answer.rlb" bs=1 seek=$(($(wc -c <"$work/answer.rlb") / 2)) conv=notrunc 2>/dev/null
  "$RUSHLIGHT" verify "$work/answer.rlb" --checkpoint "$checkpoint" --trusting-period 24h >"$work/verify.out" 2>&1; code=$?
  if [ $code = 13 ]; then report "bundle, one byte changed" ok "exit code 13"; else report "bundle, one byte changed" FAILED "exit code $code"; fi
}

for version in "${versions[@]}"; do
  begin=$SECONDS
  "$here/cometbft/build.sh" "$version" >/dev/null || { report build FAILED "the node does not build"; continue; }
  report "build" ok "$((SECONDS - begin)) s"
  chain_id=rushlight-interop-${version//[v.]/}
  # Below the ports that a system gives to outgoing connections (from 32768): a stopped node must get its own back.
  base=$((12000 + RANDOM % 8000))
  # Eight validators, four at a time in the set; the set slides every three blocks, so a checkpoint's validators are soon
  # gone and no skip from it reaches far.
  mapfile -t urls < <("$here/cometbft/net.sh" start --version "$version" --validators 8 --rotate slide -chain-id "$chain_id" \
    -timeout-ms 300 -base-port $base "$net" | awk '{ print $2 }')
  [ ${#urls[@]} = 8 ] || { report network FAILED "it did not start"; exit 1; }
  begin=$(milliseconds); from=$(node_height "${urls[0]}")
  "$(cat "$net/bin")/recorder" wait -net "$net" -blocks "$blocks" || report network FAILED "it stands still"
  to=$(node_height "${urls[0]}"); took=$(($(milliseconds) - begin))
  changes=0 last=
  for ((h = 2; h <= to; h++)); do set_now=$(node_set "${urls[0]}" $h); [ "$set_now" = "$last" ] || changes=$((changes + 1)); last=$set_now; done
  report "network" ok "$to blocks, one per $((took / (to > from ? to - from : 1))) ms; the set of validators changed $changes times"
  sync_case "skipping, nodes killed" skipping 40
  sync_case "sequential, nodes killed" sequential 2
  backwards_case
  refusals_case
  bundle_case
  "$here/cometbft/net.sh" stop "$net"
  rm -rf "$net" "$work"/data-*
done
echo "$failures failures"
[ $failures = 0 ]
