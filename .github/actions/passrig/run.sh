#!/usr/bin/env bash
# The steps of action.yml, each a function of this script. Inputs come as variables INPUT_…, never as part of a command.
set -euo pipefail

# complain MESSAGE shows an error on the page of the job, and ends the step as a mistake.
complain() {
  local text=${1//'%'/%25}
  text=${text//$'\r'/%0D}
  printf '::error title=passrig::%s\n' "${text//$'\n'/%0A}" >&2 # where GitHub looks too
  exit 2
}

# output NAME VALUE sets an output of the step. A value has one line.
output() {
  printf '%s=%s\n' "$1" "${2//$'\n'/ }" >>"$GITHUB_OUTPUT"
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | awk '{ sub(/^\\/, "", $1); print $1 }'
}

fetch() {
  curl --fail --silent --show-error --location --proto '=https,file' --proto-redir '=https' --retry 3 --output "$2" --url "$1" ||
    complain "cannot fetch $1"
}

# archive VERSION is the name of the release archive for this runner.
archive() {
  local os arch ext=tar.gz
  case $RUNNER_OS in
    Linux) os=linux ;;
    macOS) os=darwin ;;
    Windows) os=windows ext=zip ;;
    *) complain "there is no passrig for $RUNNER_OS" ;;
  esac
  case $RUNNER_ARCH in
    X64) arch=amd64 ;;
    ARM64) arch=arm64 ;;
    *) complain "there is no passrig for $RUNNER_ARCH" ;;
  esac
  printf 'passrig_%s_%s_%s.%s' "${1#v}" "$os" "$arch" "$ext"
}

# verify FILE refuses an archive that is not the one in checksums.txt beside it, or that passrig's workflow has not made.
verify() {
  local name want got
  name=$(basename "$1")
  want=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$(dirname "$1")/checksums.txt")
  got=$(sha256 "$1")
  [ -n "$want" ] || complain "checksums.txt does not list $name"
  [ "$want" = "$got" ] || complain "$name is not what was released: its SHA-256 is $got, and checksums.txt says $want"
  if [ "$INPUT_ATTESTATION" = true ] && [ -n "${GH_TOKEN:-}" ] && gh attestation --help >/dev/null 2>&1; then
    gh attestation verify "$1" --repo passrig/passrig >/dev/null || complain "$name has no attestation by the workflow of passrig/passrig"
  fi
}

install() {
  local dir=$RUNNER_TEMP/passrig-$INPUT_VERSION name file binary
  if [ -n "$INPUT_BINARY" ]; then
    [ -x "$INPUT_BINARY" ] || complain "no program is at $INPUT_BINARY"
    dir=$(cd -- "$(dirname -- "$INPUT_BINARY")" && pwd)
    binary=$dir/$(basename -- "$INPUT_BINARY")
  else
    [[ $INPUT_VERSION =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || complain "version $INPUT_VERSION is not one such as v1.2.3"
    binary=$dir/passrig
    [ "$RUNNER_OS" != Windows ] || binary=$binary.exe
    if [ ! -x "$binary" ]; then # an earlier step of the job may have installed it
      name=$(archive "$INPUT_VERSION")
      mkdir -p "$dir.fetched" "$dir"
      file=$dir.fetched/$name
      fetch "$INPUT_RELEASES/$INPUT_VERSION/checksums.txt" "$dir.fetched/checksums.txt"
      fetch "$INPUT_RELEASES/$INPUT_VERSION/$name" "$file"
      verify "$file"
      case $name in
        *.zip) unzip -q "$file" -d "$dir" ;;
        *) tar -xzf "$file" -C "$dir" ;;
      esac
    fi
  fi
  "$binary" version
  printf '%s\n' "$dir" >>"$GITHUB_PATH"
  output binary "$binary"
}

browser() {
  local name
  for name in "${PASSRIG_CHROME:-google-chrome}" google-chrome-stable chromium chromium-browser chrome; do
    if command -v "$name"; then return; fi
  done
  case $RUNNER_OS in
    Linux) sudo -n apt-get update -q && sudo -n apt-get install -y -q --no-install-recommends chromium ;;
    macOS) brew install --cask google-chrome ;;
    *) complain "there is no browser, and none can be installed on $RUNNER_OS" ;;
  esac
}

# trimmed prints the lines of a text that are not blank, without the spaces around them.
trimmed() {
  sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e '/^$/d' <<<"$1"
}

verdict() {
  case $1 in
    0) echo passed ;;
    1) echo failed ;;
    2) echo mistake ;;
    130) echo interrupted ;;
    *) echo untold ;;
  esac
}

run() {
  local line format file words code=0 args=("$INPUT_COMMAND")
  case $INPUT_COMMAND in
    run | check | load | sync | matrix | merge | report) ;;
    *) complain "command $INPUT_COMMAND is none of run, check, load, sync, matrix, merge, report and none" ;;
  esac
  case $INPUT_FAIL_ON in
    any | failed | never) ;;
    *) complain "fail-on $INPUT_FAIL_ON is none of any, failed and never" ;;
  esac
  cd -- "$INPUT_WORKING_DIRECTORY" || complain "there is no directory $INPUT_WORKING_DIRECTORY"
  while IFS= read -r line; do args+=("$line"); done < <(trimmed "$INPUT_FILES")
  [ -z "$INPUT_ADAPTER" ] || args+=(--adapter "$INPUT_ADAPTER")
  [ -z "$INPUT_ORIGIN" ] || args+=(--origin "$INPUT_ORIGIN")
  while IFS= read -r line; do args+=("$line"); done < <(trimmed "$INPUT_ARGS")
  mkdir -p -- "$INPUT_REPORT_DIRECTORY" || complain "cannot make the directory $INPUT_REPORT_DIRECTORY"
  read -r -d '' -a words <<<"$INPUT_REPORTS" || true # it ends at the end, not at a delimiter
  for line in ${words[@]+"${words[@]}"}; do
    format=${line%%=*} file=${line#*=}
    case $line in
      *=*/* | *=-) complain "reports: $line names no file in the report directory" ;;
      ?*=?*) args+=(--report "$format=$INPUT_REPORT_DIRECTORY/$file") ;;
      *) complain "reports: $line is not FORMAT=FILE" ;;
    esac
  done
  [ "$INPUT_SUMMARY" != true ] || args+=(--report github)

  "$PASSRIG_BINARY" "${args[@]}" || code=$?
  output exit-code "$code"
  output verdict "$(verdict "$code")"
  output reports "$(cd -- "$INPUT_REPORT_DIRECTORY" && pwd)"
  case $INPUT_FAIL_ON:$code in
    failed:3 | never:3) echo '::warning title=passrig::could not tell whether the relying party is right' ;;
    never:1) echo '::warning title=passrig::the relying party failed, which does not fail this step' ;;
    *) exit "$code" ;;
  esac
}

case ${1-} in
  install | browser | run) "$1" ;;
  *) complain "${1-} is no step of this action" ;;
esac
