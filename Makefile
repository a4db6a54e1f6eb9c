# SourceLoop. "make run" builds everything and starts the demo; "make test"
# installs what the tests need and passes them all. Go and Node must be there.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

GO     ?= go
BIN    := bin/sourceloop
WEB    := query/web
DEMO   ?= data/demo
HITS   ?= 500000
# What the tests must find: a missing one fails instead of being skipped.
export REQUIRE ?= clickhouse

# Apache Kafka for the tests; its version is in the pom.
KAFKA  := .cache/kafka/$(shell sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' deploy/servers/kafka/pom.xml)

# Clients of ClickHouse for the tests.
BI     := .cache/bi

# How long each fuzz target runs, and which do: a pattern of "folder target".
FUZZ_FOR ?= 30s
FUZZ     ?= .

# How long "make chaos" lets things go wrong; at 20m it also asks for 150 kills and every failpoint.
CHAOS_FOR ?= 1m

.PHONY: run build binary web library kafka bi test fuzz chaos lint bench generate clean

run: build ## build everything and start the demo
	$(BIN) demo --data $(DEMO)

build: web library binary ## bin/sourceloop with the dashboard, and ClickHouse's library

binary: web
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/sourceloop

web: $(WEB)/node_modules/.built

$(WEB)/node_modules/.installed: $(WEB)/package.json $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error
	touch $@

$(WEB)/node_modules/.built: $(WEB)/node_modules/.installed $(shell find $(WEB)/src $(WEB)/public $(WEB)/index.html $(WEB)/vite.config.ts query/api/openapi.yaml -type f 2>/dev/null)
	cd $(WEB) && npm run --silent build
	touch $@

library: ## ClickHouse's library, by npm, into .cache
	$(GO) run ./deploy/embedded/fetchchdb

kafka: $(KAFKA)/jars.sha256 ## Apache Kafka's jars, by Maven, into .cache

$(KAFKA)/jars.sha256: deploy/servers/kafka/pom.xml deploy/servers/kafka/jars.sha256
	@command -v mvn >/dev/null || { echo "Maven is not on this machine, so nothing is tested on Apache Kafka unless REQUIRE names it."; exit 0; }; \
	echo "Fetching Apache Kafka with Maven: 43 MB."; \
	new=$(CURDIR)/$(@D).$$$$; trap 'rm -rf "$$new"' EXIT; \
	mvn -q -B -f $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$$new"; \
	(cd "$$new" && sha256sum --quiet -c $(CURDIR)/deploy/servers/kafka/jars.sha256); \
	cp deploy/servers/kafka/jars.sha256 "$$new"; rm -rf $(@D); mv "$$new" $(@D)

bi: $(BI)/node/.done $(BI)/python/.done $(BI)/java/.done ## clients of ClickHouse that BI tools are built on, by npm, pip and Maven, into .cache

$(BI)/node/.done: deploy/bi/clients/node/package.json deploy/bi/clients/node/package-lock.json
	@rm -rf $(@D); mkdir -p $(@D)
	@cp $^ deploy/bi/clients/node/.npmrc $(@D) && cd $(@D) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(BI)/python/.done: deploy/bi/clients/python/requirements.txt
	@python3 -c 'import ensurepip' 2>/dev/null || { echo "Python with venv is not on this machine, so nothing is tested with its client unless REQUIRE names it."; exit 0; }; \
	rm -rf $(@D); python3 -m venv $(@D) && $(@D)/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r $< && touch $@

$(BI)/java/.done: deploy/bi/clients/java/pom.xml deploy/bi/clients/java/jars.sha256
	@command -v mvn >/dev/null || { echo "Maven is not on this machine, so nothing is tested with JDBC unless REQUIRE names it."; exit 0; }; \
	rm -rf $(@D); mkdir -p $(@D) && mvn -q -B -f $< dependency:copy-dependencies -DexcludeTransitive=true -DoutputDirectory="$(CURDIR)/$(@D)/jars" \
	&& (cd $(@D)/jars && sha256sum --quiet -c $(CURDIR)/deploy/bi/clients/java/jars.sha256) && touch $@

test: build ## all tests, with the race detector
	./.ci/install
	@$(MAKE) --no-print-directory kafka bi
	cd $(WEB) && npm run --silent check && npm test --silent
	cd $(WEB) && npm run --silent flows && npm run --silent screens
	node --test pipeline/collect/tracker/check/anything.mjs
	$(GO) vet ./...
	$(GO) test -race -timeout 40m ./...

bench: build ## every area against its baselines; HITS=N for more or fewer
	for area in collect pipeline identity freshness; do $(BIN) bench $$area --hits $(HITS); done

fuzz: ## every fuzz target for FUZZ_FOR, those that match FUZZ; as tests they run their seeds
	@git ls-files '*_test.go' | xargs grep -H '^func Fuzz' | sed -E 's,^(.*)/[^/]*:func (Fuzz[A-Za-z0-9_]*).*,\1 \2,' | { grep -E '$(FUZZ)' || true; } | { \
	while read -r folder target; do \
		echo "== $$folder $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_FOR) ./$$folder </dev/null || failed=1; \
	done; exit $${failed:-0}; }
	FUZZ_FOR=$(FUZZ_FOR) node --test pipeline/collect/tracker/check/anything.mjs

chaos: build kafka ## kill, stop and cut everything while load runs: nothing may be lost or doubled
	$(GO) build -o bin/chaos ./deploy/chaos/run # the library is found from where a binary is
	bin/chaos -for $(CHAOS_FOR)

lint: web ## formatting, the import rules, static analysis, generated code
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "Not formatted: run gofmt -w on these files."; exit 1; }
	cd tools && $(GO) build -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	bin/golangci-lint run ./...
	$(WEB)/node_modules/.bin/tsc --noEmit -p pipeline/collect/tracker
	@$(MAKE) --no-print-directory generate
	@git diff --exit-code --stat -- '*.go' '*.ts' pipeline/collect/tracker/dist || { echo "Generated code is not current: run make generate and commit."; exit 1; }

generate: $(WEB)/node_modules/.installed ## code from schema.proto, openapi.yaml and the tracker's sources
	cd tools && $(GO) run ./protogen ../schema schema.proto
	cd tools && $(GO) tool oapi-codegen -config ../query/api/oapi-codegen.yaml ../query/api/openapi.yaml
	$(GO) run ./pipeline/collect/tracker/build
	cd $(WEB) && npm run --silent generate

clean: ## what was built; .cache stays
	rm -rf bin $(WEB)/dist/app $(WEB)/node_modules/.built
