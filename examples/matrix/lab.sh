#!/usr/bin/env bash
# Starts the relying parties of lab.yaml on their ports, runs a command while they are there, and ends them:
#
#   examples/matrix/lab.sh passrig matrix examples/matrix/lab.yaml --report html=matrix.html
#
# The exit code is the command's. The packages of examples/rps have to be installed: make matrix does that.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
passrig=${PASSRIG:-passrig}
said=$(mktemp -d)
pids=()

finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$said"
}
trap finish EXIT

"$passrig" rp --quiet >"$said/demo" 2>&1 &
pids+=("$!")
for name in simplewebauthn better-auth authjs passport; do
  (cd "$here/../rps/$name" && exec node server.mjs) >"$said/$name" 2>/dev/null &
  pids+=("$!")
done

for port in 8080 8081 8082 8083 8084; do
  for try in {1..150}; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue 2; fi
    sleep 0.2
  done
  echo "nothing listens on port $port:" >&2
  cat "$said"/* >&2
  exit 3
done

"$@"
