#!/usr/bin/env bash
# Lints the planted mistakes with the project's own configuration and compares what is reported, line by
# line, with what is wanted. Usage: check.sh GOLANGCI-LINT
set -euo pipefail

lint=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

awk -v tree="$tree" '
  /^-- .* --$/ { file = tree "/" $2; dir = file; sub("/[^/]*$", "", dir); system("mkdir -p " dir); next }
  file         { print > file }
' "$here/planted.txtar"
cp "$here/../.golangci.yml" "$tree/"

# The third parties are one empty package each, so that nothing is downloaded.
printf 'module github.com/passrig/passrig\n\ngo 1.26.0\n' >"$tree/go.mod"
while read -r module package; do
  mkdir -p "$tree/.stubs/$module/$package"
  printf 'module %s\n' "$module" >"$tree/.stubs/$module/go.mod"
  printf 'package stub\n' >"$tree/.stubs/$module/$package/stub.go"
  version=v0.0.0
  case $module in */v4) version=v4.0.0 ;; *.v3) version=v3.0.0 ;; esac
  printf 'require %s %s\nreplace %s => ./.stubs/%s\n' "$module" "$version" "$module" "$module" >>"$tree/go.mod"
done <<'STUBS'
github.com/descope/virtualwebauthn .
github.com/go-rod/rod .
github.com/go-webauthn/webauthn webauthn
github.com/spf13/cobra .
go.yaml.in/yaml/v4 .
gopkg.in/yaml.v3 .
modernc.org/sqlite .
STUBS

# file:line linter: text
cd "$tree"
grep -rn --include='*.go' '// want ' bench cmd internal report scenarios virtual |
  sed -E 's|^([^:]+:[0-9]+):.*// want ([a-z]+): (.*)$|\1 \2: \3|' | sort >"$tree/wanted"
"$lint" run --enable-only depguard,forbidigo,nolintlint --issues-exit-code 0 \
  --output.text.path stdout --output.text.print-issued-lines=false --output.text.colors=false --show-stats=false ./... |
  sed -nE 's|^([^:]+:[0-9]+):[0-9]+: (.*) \(([a-z]+)\)$|\1 \3: \2|p' | sort >"$tree/reported"

bad=0
while read -r place linter text; do
  if ! grep -F "$place $linter " reported | grep -qF "$text"; then
    echo "not reported: $place $linter $text" >&2
    bad=1
  fi
done <wanted
while read -r place linter text; do
  if ! grep -qF "$place $linter " wanted; then
    echo "reported, but no mistake: $place $linter $text" >&2
    bad=1
  fi
done <reported
if [ "$bad" -ne 0 ] || [ ! -s wanted ]; then
  echo "the linter's rules do not hold: see .golangci.yml and .golangci.testdata/planted.txtar" >&2
  exit 1
fi
echo "all $(wc -l <wanted) planted mistakes reported, and nothing else"
