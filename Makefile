# Everything here also runs by hand; "make help" lists the targets.

GO     ?= go
CLANG  ?= clang-19
FORMAT ?= clang-format-19

# No C library anywhere, so one binary runs on every distribution.
export CGO_ENABLED := 0

# What goes into "packetscope version" and packetscope_build_info. The date is
# the commit's, so that the same commit builds the same bytes.
VERSION  ?= $(or $(patsubst v%,%,$(shell git describe --tags --match 'v*' --dirty 2>/dev/null)),0.0.0-dev)
REVISION := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
BRANCH   := $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null || echo unknown)
DATE     := $(shell TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d-%H:%M:%S 2>/dev/null || echo unknown)
STAMP    := github.com/prometheus/common/version
LDFLAGS  := -s -w -X $(STAMP).Version=$(VERSION) -X $(STAMP).Revision=$(REVISION) \
            -X $(STAMP).Branch=$(BRANCH) -X $(STAMP).BuildDate=$(DATE)

# What the targets need beside Go, as tool:package, in Debian's names. A tool
# that starts with a slash is a file.
C_NEEDS      := $(CLANG):clang-19 llvm-strip-19:llvm-19 /usr/include/bpf/bpf_helpers.h:libbpf-dev \
                /usr/include/linux/bpf.h:linux-libc-dev
FORMAT_NEEDS := $(FORMAT):clang-format-19
# ss, with whose counts of sockets a test compares, tcpdump, which reads captures, and the tools beside which paths are
# measured.
KERNEL_NEEDS := ss:iproute2 tcpdump:tcpdump mtr:mtr-tiny traceroute:traceroute
# Debian's Prometheus and Alertmanager are unpacked by the lane, not installed.
E2E_NEEDS    := apt-get:apt dpkg-deb:dpkg
# As E2E_NEEDS, and ip for the loopback of the engine's namespace.
COMPOSE_NEEDS := $(E2E_NEEDS) ip:iproute2
VM_NEEDS     := qemu-system-x86_64:qemu-system-x86 xz:xz-utils apt-get:apt dpkg-deb:dpkg

tool    = $(firstword $(subst :, ,$1))
package = $(lastword $(subst :, ,$1))
found   = $(if $(filter /%,$1),$(wildcard $1),$(shell PATH="$$PATH:/usr/sbin" command -v $1))
missing = $(strip $(foreach need,$1,$(if $(call found,$(call tool,$(need))),,$(need))))
packages = $(foreach need,$1,$(call package,$(need)))

ROOT := $(filter 0,$(shell id -u))
APT  := $(shell command -v apt-get)

# Shell that makes sure of the needs $1: root installs them, others are told.
require = $(if $(call missing,$1),$(if $(and $(ROOT),$(APT)),$(call install,$(call packages,$(call missing,$1))),\
	echo "missing $(foreach n,$(call missing,$1),$(call tool,$n)); as root: apt-get install $(call packages,$(call missing,$1))" >&2; exit 1),:)
install = apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $1

# The packages with kernel-lane tests, and those of them that a hook family can
# be forced on.
KERNEL_PACKAGES = $(sort $(dir $(shell find . -name '*_kernel_test.go')))
HOOKS_PACKAGES  = $(sort $(dir $(shell grep -rl --include='*_kernel_test.go' 'testnet\.Hooks()' .)))
# The families of this kernel beside "auto"; the vm lane tries the others.
HOOKS ?= net

C_FILES    = $(wildcard bpf/*.c bpf/include/*.h)
GENERATED  = $(wildcard bpf/*_bpfel.go bpf/*_bpfel.o)
BUILD_TAGS = kernel,e2e,vm,bench,compose

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: build
build: ## build the programs into bin/
	$(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

.PHONY: run
run: build ## build packetscope and run it here (ARGS='--help' for its flags)
	bin/packetscope $(ARGS)

# Why a lane cannot run here; empty if it can. Root can install what is missing.
NO_KERNEL = $(if $(ROOT),,it needs root)
NO_E2E    = $(if $(ROOT),,it needs root)
NO_VM     = $(if $(ROOT),,$(if $(call missing,$(VM_NEEDS)),missing $(foreach n,$(call missing,$(VM_NEEDS)),$(call tool,$n)) (as root: make deps)))

# Shell for one lane. In CI a lane that cannot run is a failure.
lane = $(if $2,echo "SKIP $1 lane: $2" $(if $(CI),>&2; exit 1),$(MAKE) --no-print-directory test-$1)

.PHONY: test
test: test-unit ## run all lanes: unit, kernel and e2e (need root), vm (needs QEMU)
	@$(call lane,kernel,$(NO_KERNEL))
	@$(call lane,e2e,$(NO_E2E))
	@$(call lane,vm,$(NO_VM))

.PHONY: test-unit
test-unit: ## tests that need nothing but Go
	$(GO) test ./...

.PHONY: test-kernel
test-kernel: ## tests on this kernel, as root, in network namespaces of their own
	@$(if $(ROOT),:,echo "the kernel lane needs root" >&2; exit 1)
	@$(call require,$(KERNEL_NEEDS))
	$(GO) test -tags kernel -count=1 -p 1 -parallel 6 -timeout 10m $(KERNEL_PACKAGES)
	$(if $(HOOKS_PACKAGES),$(foreach h,$(HOOKS),\
		PACKETSCOPE_TEST_HOOKS=$h $(GO) test -tags kernel -count=1 -p 1 -timeout 10m $(HOOKS_PACKAGES) &&) :)

.PHONY: test-e2e e2e
test-e2e: ## from the kernel to the receiver of an alert, with a real Prometheus and Alertmanager, as root
	@$(if $(ROOT),:,echo "the e2e lane needs root" >&2; exit 1)
	@$(call require,$(E2E_NEEDS))
	$(GO) test -tags e2e -count=1 -timeout 10m ./internal/e2e

e2e: test-e2e

.PHONY: test-vm
test-vm: ## the kernel tests in emulated machines with Debian's kernels
	@$(call require,$(VM_NEEDS))
	$(GO) test -tags vm -v -count=1 -timeout 80m -run TestKernels ./internal/vmtest

# Not among the lanes of "test": it takes six minutes, most of them to compile what
# the images hold with an empty cache, and what it proves rarely breaks.
.PHONY: test-compose
test-compose: ## build the images and bring compose.yaml up, without a registry, as root
	@$(if $(ROOT),:,echo "the compose lane needs root" >&2; exit 1)
	@$(call require,$(COMPOSE_NEEDS))
	$(GO) test -tags compose -v -count=1 -timeout 90m -run TestStack ./internal/deploy

.PHONY: bench
bench: ## measure the cost of the probes and of a fleet, as root, and write BENCHMARKS.md
	@$(if $(ROOT),:,echo "bench needs root" >&2; exit 1)
	@$(call require,$(E2E_NEEDS))
	$(GO) test -tags bench -v -count=1 -timeout 45m ./internal/bench -output ../../BENCHMARKS.md

.PHONY: generate
generate: ## compile the BPF programs and their Go types
	@$(call require,$(C_NEEDS))
	$(GO) generate ./bpf

.PHONY: dashboards
dashboards: ## write the Grafana dashboards and their provisioning
	$(GO) generate ./dashboards

.PHONY: lint
lint: lint-go lint-c ## check format, vet, staticcheck, and that generated files are current

.PHONY: lint-go
lint-go:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "run make fmt for: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags $(BUILD_TAGS) ./...
	$(GO) tool staticcheck ./...
	$(GO) tool staticcheck -tags $(BUILD_TAGS) ./...

# Compared with the files before, not with the last commit, so that this also
# works before a commit and without git.
.PHONY: lint-c
lint-c:
ifneq ($(if $(CI)$(ROOT),,$(call missing,$(C_NEEDS) $(FORMAT_NEEDS))),)
	@echo "SKIP lint of C: missing $(foreach n,$(call missing,$(C_NEEDS) $(FORMAT_NEEDS)),$(call tool,$n)); as root: make deps"
else
	@$(call require,$(C_NEEDS) $(FORMAT_NEEDS))
	$(FORMAT) --dry-run --Werror $(C_FILES)
	@before=$$(mktemp) && trap 'rm -f "$$before"' EXIT && \
	sha256sum $(GENERATED) > "$$before" && $(GO) generate ./bpf && \
	{ sha256sum --check --quiet "$$before" || { echo "generated files were out of date; commit the new ones" >&2; exit 1; }; }
endif

.PHONY: fmt
fmt: ## format Go and C
	gofmt -w .
	@$(call require,$(FORMAT_NEEDS))
	$(FORMAT) -i $(C_FILES)

.PHONY: deps
deps: ## install the Debian packages that lint, generate and the tests need, as root
	@$(call require,$(C_NEEDS) $(FORMAT_NEEDS) $(KERNEL_NEEDS) $(E2E_NEEDS) $(VM_NEEDS))

# Buildx loads what it built into the engine only if it is told to; without it the
# engine's own BuildKit does the same.
BUILD_IMAGE = $(if $(shell docker buildx version 2>/dev/null),docker buildx build --load,DOCKER_BUILDKIT=1 docker build)
IMAGE_ARGS  = --file cmd/packetscope/deploy/Dockerfile --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
              --build-arg BRANCH=$(BRANCH) --build-arg DATE=$(DATE) $(foreach v,GOPROXY GOSUMDB,$(if $($v),--build-arg $v=$($v)))

.PHONY: images
images: ## build the container images packetscope/packetscope:dev, packetscope-annotator:dev and packetscope-demo:dev
	$(BUILD_IMAGE) $(IMAGE_ARGS) --target packetscope --tag packetscope/packetscope:dev .
	$(BUILD_IMAGE) $(IMAGE_ARGS) --target annotator --tag packetscope/packetscope-annotator:dev .
	$(BUILD_IMAGE) $(IMAGE_ARGS) --target demo --tag packetscope/packetscope-demo:dev .

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
	$(GO) clean -testcache
