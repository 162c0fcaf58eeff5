#!/bin/sh
# build.sh VERSION [TAGS] - the cometbft binary of that version (for example v0.38.25 or v0.40.0) and, for
# versions that the tools know, the tools themselves; skips what is there. TAGS: bls12381 (v0.40+, needs a C compiler).
# COMETBFT_CACHE: where to put it (default target/cometbft under the current folder).
set -eu
version=${1:?usage: build.sh VERSION [TAGS]}
tags=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${COMETBFT_CACHE:-target/cometbft}"
bin=$(cd "${COMETBFT_CACHE:-target/cometbft}" && pwd)/$version${tags:+-$tags}
mkdir -p "$bin"
command -v go >/dev/null || { echo "go is not on PATH: version 1.25 or later is needed" >&2; exit 1; }
case $tags in *bls12381*) export CGO_ENABLED=1 ;; *) export CGO_ENABLED=0 ;; esac
if [ ! -x "$bin/cometbft" ]; then
  echo "installing cometbft $version ${tags:+($tags) }" >&2
  GOBIN=$bin nice go install ${tags:+-tags "$tags"} "github.com/cometbft/cometbft/cmd/cometbft@$version"
fi
case $version in
  v0.38.*) flags= ; line=v0.38.25 ;;
  v0.40.*) flags="-modfile=go.v0.40.mod -tags v040${tags:+,$tags}" ; line=v0.40.0 ;;
  *) echo "no tools for $version; only the node was built" >&2; echo "$bin"; exit 0 ;;
esac
[ "$line" = "$version" ] || echo "note: the tools link $line" >&2
for tool in mknet recorder; do
  if [ ! -x "$bin/$tool" ] || [ -n "$(find "$here/$tool" "$here/internal" -name '*.go' -newer "$bin/$tool")" ]; then
    # shellcheck disable=SC2086
    (cd "$here" && nice go build $flags -o "$bin/" "./$tool")
  fi
done
echo "$bin"
