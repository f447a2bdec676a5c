# What to run, and how. CI runs exactly these.

GO      ?= go
LINT    := golangci-lint
LINTVER := v2.15.0
FUZZTIME ?= 10s
# One way for all that is compiled: that of a release, so that tests run what users run, and nothing is compiled twice.
export CGO_ENABLED := 0
export GOFLAGS += -trimpath
# How many tests of a package run at once: they wait, for other processes, more than they work.
PARALLEL ?= $(shell expr 2 '*' "$$(getconf _NPROCESSORS_ONLN)")
# Runs a command with a throw-away PostgreSQL server; see its doc comment.
WITHPG  := $(GO) run ./internal/pgcluster/withpg --

.PHONY: help build run demo test race lint fuzz bench bench-scale verify clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/realmport, a static program
	$(GO) build -o bin/realmport ./cmd/realmport

run: build ## Serve the export API on a demo organization, in ./realmport-data
	bin/realmport serve --demo

demo: build ## Export a small organization from a PostgreSQL server of its own, and verify the archive
	@$(WITHPG) scripts/demo.sh

test: ## Run all tests, with a PostgreSQL server of their own
	$(WITHPG) $(GO) test -timeout 30m -parallel $(PARALLEL) ./...

race: ## Run the tests with the race detector, but for long ones that it says nothing new of
	$(WITHPG) env CGO_ENABLED=1 $(GO) test -timeout 30m -short -race '-gcflags=modernc.org/...=-d=checkptr=0' ./...

lint: ## Check style and layers
	@command -v $(LINT) >/dev/null || test -x "$$($(GO) env GOPATH)/bin/$(LINT)" || \
		$(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINTVER)
	PATH="$$PATH:$$($(GO) env GOPATH)/bin" $(LINT) run ./...
	scripts/check-changelog.sh

fuzz: ## Fuzz every decoder and encoder for FUZZTIME each
	FUZZTIME=$(FUZZTIME) GO=$(GO) scripts/fuzz.sh

bench: build ## Measure speed and memory; takes some minutes
	$(WITHPG) $(GO) run ./internal/bench

bench-scale: build ## Measure many processes and a bucket; needs versitygw and a quarter of an hour
	$(WITHPG) $(GO) run ./internal/bench/scale

verify: build ## Export the fixture in all three types, verify each, and unpack each with tar
	@$(WITHPG) scripts/verify.sh

clean: ## Remove what make built
	rm -rf bin
