# What a person does here. Each target is one command of go with its flags, or
# a script; `make help` lists them.

GO ?= go
PREFIX ?= /usr/local
FUZZTIME ?= 30s
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Needed by the tests beyond Go itself.
TEST_PACKAGES = gcc libc6-dev procps redis-server redis-tools debootstrap systemd-container util-linux qemu-system-x86 e2fsprogs \
	nginx-light postgresql python3 nodejs openjdk-17-jre-headless iproute2 tzdata curl \
	lintian rpm rpmlint python3-prometheus-client zsh fish


.DEFAULT_GOAL := help

.PHONY: build
build: ## Build the three programs into bin/
	GO='$(GO)' packaging/compile bin

.PHONY: demo-tools
demo-tools: ## Build the program of examples/shop into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/shop ./examples/shop

# Where units, accounts and folders are described. systemd looks below /usr/local
# as well; polkit looks below /usr alone, so PREFIX=/usr where that matters.
LIBEXEC = $(PREFIX)/libexec/systemg
UNIT = sed -e 's|/usr/libexec/systemg/|$(LIBEXEC)/|; s|/usr/bin/|$(PREFIX)/bin/|'

.PHONY: install
install: build ## Install programs, units, accounts and folders below PREFIX (/usr/local), DESTDIR respected
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(LIBEXEC)' '$(DESTDIR)$(PREFIX)/share/systemd/user' \
		'$(DESTDIR)$(PREFIX)/lib/systemd/system' '$(DESTDIR)$(PREFIX)/lib/sysusers.d' \
		'$(DESTDIR)$(PREFIX)/lib/tmpfiles.d' '$(DESTDIR)$(PREFIX)/share/polkit-1/actions'
	install -m 0755 bin/sysg bin/sysgd '$(DESTDIR)$(PREFIX)/bin/'
	install -m 0755 bin/sysg-exec '$(DESTDIR)$(LIBEXEC)/'
	for unit in systemd/user/*; do \
		$(UNIT) "$$unit" > '$(DESTDIR)$(PREFIX)/share/systemd/user/'"$${unit##*/}"; \
	done
	for unit in systemd/system/*.service systemd/system/*.socket; do \
		$(UNIT) "$$unit" > '$(DESTDIR)$(PREFIX)/lib/systemd/system/'"$${unit##*/}"; \
	done
	install -m 0644 systemd/system/systemg.sysusers '$(DESTDIR)$(PREFIX)/lib/sysusers.d/systemg.conf'
	install -m 0644 systemd/system/systemg.tmpfiles '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/systemg.conf'
	install -m 0644 systemd/system/org.systemg.policy '$(DESTDIR)$(PREFIX)/share/polkit-1/actions/org.systemg.policy'

.PHONY: package
package: ## Build deb and rpm for amd64 and arm64 into bin/packages
	packaging/build amd64 arm64

.PHONY: test
test: packages vet fmt test-race test-root e2e ## All tests: vet, format, unit with race detector, root, end to end

.PHONY: packages
packages: ## Install what the tests need from Debian's packages (root), or name it
	test/need-packages $(TEST_PACKAGES)

.PHONY: vet
vet: ## Run go vet over everything
	$(GO) vet ./...
	$(GO) vet -tags e2e ./test/...

.PHONY: fmt
fmt: ## Fail if a file is not formatted
	@unformatted=$$(gofmt -l bench cmd examples pkg test); \
	if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted"; exit 1; fi

# By default each process with the detector takes a second to exit.
.PHONY: test-race
test-race: ## Unit tests with the race detector (needs gcc)
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=0 $(GO) test -race -timeout 10m ./...

.PHONY: test-root
test-root: ## Unit tests as they ship, with those that need root (through sudo if need be)
	@if [ "$$(id -u)" -eq 0 ]; then set -x; CGO_ENABLED=0 $(GO) test -timeout 10m ./...; \
	elif sudo -n true 2>/dev/null; then set -x; sudo -n -E env "PATH=$$PATH" CGO_ENABLED=0 $(GO) test -timeout 10m ./...; \
	else echo "Tests that need root are left out: run them with: sudo -E env PATH=\$$PATH make test-root"; \
		CGO_ENABLED=0 $(GO) test -timeout 10m ./...; fi

.PHONY: e2e
e2e: ## End-to-end tests of the real programs, on this machine and in a container with systemd and in a virtual machine (root)
	CGO_ENABLED=0 $(GO) test -tags e2e -count=1 -parallel 6 -timeout 15m ./test/...

.PHONY: test-packages
test-packages: ## Of e2e only the packages: build, judge, install, upgrade and remove them under systemd (root)
	test/need-packages debootstrap systemd-container lintian rpm rpmlint python3-prometheus-client
	CGO_ENABLED=0 $(GO) test -tags e2e -count=1 -v -timeout 15m -run TestPackages ./test/

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s)
	@set -e; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "== $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package; \
		done; \
	done

.PHONY: lint
lint: vet fmt ## go vet, the format, and staticcheck (pinned)
	$(GO) run $(STATICCHECK) -tags e2e ./...

.PHONY: cover
cover: ## Coverage of the unit tests, as cover.html
	$(GO) test -coverprofile bin/cover.out -coverpkg ./pkg/... ./...
	$(GO) tool cover -html bin/cover.out -o bin/cover.html
	$(GO) tool cover -func bin/cover.out | tail -1

.PHONY: bench
bench: build ## Measure against a C floor and check the limits
	test/need-packages gcc libc6-dev
	$(GO) run ./bench -bin bin -check

.PHONY: demo
demo: ## Build, run examples/shop, break it, watch it heal, and stop it
	@test/need-packages redis-server redis-tools curl procps
	@$(MAKE) --no-print-directory build demo-tools
	@examples/shop/demo.sh

.PHONY: torture
torture: ## Races and soaks in full: random stories, kills of the log capture, cron scans, random operations
	TORTURE=1 CGO_ENABLED=0 $(GO) test -count=1 -timeout 60m ./pkg/supervisor ./pkg/logs ./pkg/schedule ./cmd/sysg-exec
	TORTURE=1 CGO_ENABLED=0 $(GO) test -tags e2e -count=1 -timeout 60m -run TestRandom ./test/
	CGO_ENABLED=0 $(GO) test -tags e2e -count=$(or $(COUNT),5) -timeout 60m -run TestScripts ./test/

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
