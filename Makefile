# Everything here runs from a fresh clone with Go, Node and make, and installs nothing outside it, except a browser
# for the tests (has-browser).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS  := -s -w -X main.version=$(VERSION)
NPM      := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

FUZZTIME ?= 30s
SOAKTIME ?= 10m
SOAKRUNS ?= 20

# Such as -quick, or -only='^(passrig|floor)'; with any, no document is written.
BENCHFLAGS ?=

export GOFLAGS ?= -mod=readonly

# The relying parties in examples: their packages are there when npm has left its list of them.
rps := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard examples/rps/*/package-lock.json))

# What holds reports against the standards of their formats.
validators := report/testdata/validators/node_modules/.package-lock.json

# Commands that are a browser to test with; virtual/cdp knows some more.
browsers := chromium-headless-shell chrome-headless-shell chromium chromium-browser google-chrome google-chrome-stable

# Packages that start goroutines or share memory; the others cannot race. In examples and bench/load nothing of ours
# runs that does not run in these too.
concurrent = $$(grep -rlE --include='*.go' --exclude-dir=node_modules --exclude-dir=peers --exclude-dir=examples 'go func|\bsync\.(Cond|Map|Mutex|Once\b|Pool|RWMutex|WaitGroup)|synctest|httptest\.New' . | xargs -n 1 dirname | grep -vx ./bench/load | sort -u)

# Packages whose tests keep files that -update rewrites.
golden = $$(grep -rlE --include='*_test.go' --exclude-dir=node_modules 'flag\.Bool\("update"' . | xargs -n 1 dirname | sort -u)

.PHONY: help
help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name what; do printf '  make %-13s %s\n' "$$name" "$$what"; done

.PHONY: build
build: has-go ## build bin/passrig
	@go build -trimpath -ldflags '$(LDFLAGS)' -o bin/passrig ./cmd/passrig

.PHONY: demo
demo: build ## build, then test the built-in relying party and write passrig-out/
	@bin/passrig demo

.PHONY: matrix
matrix: build has-node $(rps) ## build, then hold every provider against five relying parties and write passrig-out/matrix.*
	@mkdir -p passrig-out
	@PASSRIG=$(CURDIR)/bin/passrig examples/matrix/lab.sh bin/passrig matrix examples/matrix/lab.yaml \
	  --report html=passrig-out/matrix.html --report csv=passrig-out/matrix.csv --report json=passrig-out/matrix.json

.PHONY: test
test: has-go has-node has-browser no-skips $(rps) $(validators) ## run every test, against the relying parties in examples too
	@echo "go vet"
	@go vet ./...
	@if command -v "$$(go env CC)" >/dev/null; then \
	  echo "go test -race, packages with concurrency"; \
	  CGO_ENABLED=1 go test -race -timeout=10m -skip='^Test((Page)?Matrix|LoadKnowsEveryCut|LongTexts|LargeResultFile)$$' $(concurrent); \
	elif [ -n "$${CI:-}" ]; then \
	  echo "the race detector needs a C compiler, and in CI nothing is left out: install gcc" >&2; exit 1; \
	else \
	  echo "no C compiler, so the race detector is left out"; \
	fi
	@echo "go test"
	@go test -timeout=15m ./...

.PHONY: lint
lint: has-go .bin/golangci-lint ## check style, import rules and modules
	@echo "go mod verify"
	@go mod verify
	@echo "import rules"
	@.golangci.testdata/check.sh .bin/golangci-lint
	@echo "formatting"
	@.bin/golangci-lint fmt --diff
	@echo "golangci-lint"
	@.bin/golangci-lint run ./...

.PHONY: faults
faults: has-go has-browser ## plant every fault in the demo relying party, and print which checks notice
	@go test -count=1 -timeout=20m -run='^(TestMatrix|TestPageMatrix|TestNoCheckDeviatesOnACorrectRelyingParty)$$' ./internal/checks
	@awk -F'\t' '{ n = split($$2, ids, " "); caught += n > 0; printf "%-36s", $$1; for (i = 1; i <= n; i++) printf "%s%s", (i == 1 || (i - 1) % 3 ? (i == 1 ? "" : " ") : sprintf("\n%36s", "")), ids[i]; print "" } \
	  END { printf "\n%d faults, %d noticed; without a fault no check deviates\n", NR, caught }' internal/checks/testdata/matrix.tsv internal/checks/testdata/page-matrix.tsv

.PHONY: fuzz
fuzz: has-go ## run each fuzz test for FUZZTIME (30s)
	@grep -rnoE --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's|/[^/]*:[0-9]+:func | |' | \
	while read -r package name; do \
	  echo "$$package $$name"; \
	  go test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZTIME) "$$package" </dev/null; \
	done

.PHONY: soak
soak: has-go has-node has-browser $(rps) $(validators) ## look for rare failures: tests with -race SOAKRUNS times (20), then each fuzz test for SOAKTIME (10m)
	@CGO_ENABLED=1 go test -race -count=$(SOAKRUNS) -timeout=2h $(concurrent)
	@$(MAKE) fuzz FUZZTIME=$(SOAKTIME)

.PHONY: bench
bench: build bin/peers/client bin/peers/k6 ## compare the cost of a login with k6 and others, and write docs/performance.md (7 minutes)
	@go build -trimpath -o bin/bench-load ./bench/load
	@bin/bench-load -json bin/bench-load.json $(or $(BENCHFLAGS),-markdown docs/performance.md)

.PHONY: bench-go
bench-go: has-go ## run the benchmarks of the Go packages
	@go test -run='^$$' -bench=. -benchmem ./...

.PHONY: bench-browser
bench-browser: has-go has-node has-browser bench/browser/peers/node_modules/.package-lock.json ## compare the browser driver with others (5 minutes)
	@go build -trimpath -o bin/bench-browser ./bench/browser
	@bin/bench-browser -json bin/bench-browser.json

.PHONY: golden
golden: has-go ## rewrite expected output, schemas and generated documents from what the code does
	@go test $(golden) -update

.PHONY: clean
clean: ## remove what make has built and installed
	@rm -rf .bin bin dist dist.docs passrig-out examples/rps/*/node_modules bench/browser/peers/node_modules report/testdata/validators/node_modules

# ---- what the targets above need

# Built from go.tool.mod, so that everybody has the same one. The first time takes minutes.
.bin/golangci-lint: go.tool.mod
	@echo "building golangci-lint (minutes, once)"
	@go build -modfile=go.tool.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# What passrig load is compared with: a module of its own.
bin/peers/client: $(wildcard bench/peers/client/*.go bench/peers/go.*)
	@go build -C bench/peers -trimpath -o $(CURDIR)/$@ ./client

bin/peers/k6: $(wildcard bench/peers/k6/*.go bench/peers/go.*)
	@echo "building k6 (minutes, once)"
	@go build -C bench/peers -trimpath -o $(CURDIR)/$@ ./k6

%/node_modules/.package-lock.json: %/package-lock.json
	@echo "npm ci $*"
	@cd $* && $(NPM)
	@touch $@

.PHONY: has-go
has-go:
	@command -v go >/dev/null || { echo "go is not there: passrig is built with Go 1.26 or newer, see https://go.dev/dl" >&2; exit 1; }

.PHONY: has-node
has-node:
	@command -v npm >/dev/null || { echo "npm is not there: the relying parties in examples/rps run on Node 20 or newer, see https://nodejs.org" >&2; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "node $$(node --version) is too old: the relying parties in examples/rps run on Node 20 or newer" >&2; exit 1; }

.PHONY: has-browser
has-browser:
	@for browser in "$${PASSRIG_CHROME:-}" $(browsers) "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do \
	  if command -v "$$browser" >/dev/null; then exit 0; fi; \
	done; \
	as=; if [ "$$(id -u)" != 0 ]; then as="sudo -n"; fi; \
	if command -v apt-get >/dev/null && $$as true 2>/dev/null; then \
	  echo "no Chromium or Chrome is there: apt-get install chromium"; \
	  $$as apt-get update -q && $$as apt-get install -y -q chromium; \
	else \
	  echo "no Chromium or Chrome is there: the tests drive pages in one, install it with: sudo apt-get install chromium (or name one in PASSRIG_CHROME)" >&2; exit 1; \
	fi

# A skipped test looks like a passed one.
.PHONY: no-skips
no-skips:
	@! grep -rnE --include='*_test.go' --exclude-dir=node_modules '\.Skip(f|Now)?\(|testing\.Short\(' . || { echo "a test that is skipped proves nothing: let it fail, or delete it" >&2; exit 1; }
	@! grep -rnE --include='*.txtar' --exclude-dir=node_modules --exclude-dir=.golangci.testdata '^(\[[^]]*\] *)*skip( |$$)' . || { echo "a script that is skipped proves nothing: let it fail, or delete it" >&2; exit 1; }
