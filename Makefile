# make certify and make test are all that most people need; make help lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := bin
GO ?= go

# -race needs a C compiler; without one the tests still run.
RACE := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)
GOLANGCI := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: help build certify certify-replicas test flakes mutants ops fuzz soak bench lint vuln docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/hookcheck and bin/receiver, statically
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN)/ ./cmd/...
	@mkdir -p $(BIN)/image/data && cp $(BIN)/receiver $(BIN)/image/receiver

certify: build ## certify the reference receiver, in a container where Docker answers; report in ./report
	@$(BIN)/hookcheck certify --config reference/hookcheck.yaml --report report $(ARGS)

REPLICAS ?= 3
certify-replicas: build ## certify REPLICAS=3 reference receivers on one PostgreSQL as the one that they are to moncreneau, strictly
	@$(GO) build -o $(BIN)/fleet ./reference/fleet
	@$(BIN)/fleet -replicas $(REPLICAS) -- $(BIN)/hookcheck certify --strict --config reference/fleet/hookcheck.yaml $(ARGS)

test: build ## every test
	@$(GO) test $(RACE) -timeout 20m ./...

flakes: build ## certify the correct receivers RUNS=20 times each, at rest and with busy cores
	@.ci/flakes

mutants: build ## prove that every requirement can fail; writes docs/mutants.md
	@$(GO) run ./conformance/mutants/cmd/mutants -page docs/mutants.md

ops: ## check the alerts, the dashboard, the manifests and the runbooks
	@cd reference/ops/check && $(GO) test -count=1 ./...

# Only the code in question is instrumented: for all of its dependencies that takes
# minutes to build, and the fuzzer follows their branches instead of ours.
fuzz: ## send the reference receiver what nobody would, FUZZTIME=10s with each of its fuzzers
	@$(GO) test -c -gcflags=github.com/moncreneau/hookcheck/reference=-d=libfuzzer -gcflags=github.com/tidwall/gjson=-d=libfuzzer \
		-o $(BIN)/fuzz.test ./reference
	@for fuzzer in FuzzReceiver FuzzEvent; do (cd reference && ../$(BIN)/fuzz.test -test.run '^$$' -test.fuzz "^$$fuzzer$$" \
		-test.fuzztime $(or $(FUZZTIME),10s) -test.fuzzcachedir ../$(BIN)/fuzz) || exit; done

soak: build ## kill the reference receiver, and its PostgreSQL, KILLS=50 times under load, counting losses; plan and send many events
	@$(GO) run ./reference/soak -kills $(or $(KILLS),50)
	@$(GO) run ./reference/soak -kills $(or $(KILLS),50) -engine postgres
	@$(GO) test -run '^$$' -bench 'Soak|PlanMemory' -benchtime 1x -timeout 20m ./simulator/chaos

bench: build ## emitter beside vegeta and wrk; receiver beside a bare handler and Express with Redis
	@mkdir -p $(BIN)/peers && (cd simulator/load/peers && $(GO) build -o ../../../$(BIN)/peers/vegeta github.com/tsenart/vegeta/v12)
	@$(GO) run ./simulator/load/compare -vegeta $(BIN)/peers/vegeta
	@$(GO) run ./reference/bench

lint: ## formatting, vet and golangci-lint
	@$(GOLANGCI) run ./...

vuln: ## known vulnerabilities in what is used
	@.ci/vuln

docs: build ## write what is generated under docs/
	@$(BIN)/hookcheck requirements --format markdown > docs/requirements.md

clean: ## remove what was built and reported
	@rm -rf $(BIN) report .cache
