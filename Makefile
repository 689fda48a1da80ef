# make            what there is
# make demo       the main job, on a real Triton
# make test       all tests, on a real Triton
CARGO   ?= cargo
CC      ?= cc
# Where the reader's own server is: make demo TRITON=http://host:8000 MODEL=llama [EMBEDDING_MODEL=e5]
TRITON  ?=
MODEL   ?=
EMBEDDING_MODEL ?= -
RELEASE := $(abspath $(or $(CARGO_TARGET_DIR),target))/release
# The ABI's version: the soname's number.
SONAME   = libmishikallm.so.0
CFLAGS  ?= -O2
# Such as --no-default-features: without tokenizers, and three megabytes smaller.
LIB_FLAGS ?=
WARN     = -std=c99 -Wall -Wextra -pedantic

# Where `make install` puts the library, and what the packages are built with.
PREFIX  ?= /usr/local
DESTDIR ?=
LANGUAGES = cpp go python node java

.PHONY: help lib proxy demo test bench bench-proxy fuzz header fmt lint clean install portable prefix packages conformance samples memory $(LANGUAGES)
help:
	@sed -n '1,3p' Makefile
	@echo '# make lib        target/release/libmishikallm.so and .a'
	@echo '# make proxy      target/release/mishikallm, the proxy; `cargo install --locked --path proxy` puts it on the PATH'
	@echo '# make install    the library, its headers, pkg-config and CMake files in PREFIX (/usr/local), below DESTDIR'
	@echo '# make cpp | go | python | node | java        the package of a language, in build/'
	@echo '# make conformance | samples | memory         what each language has to do, and does'
	@echo '# make bench      speed beside raw libcurl'
	@echo '# make bench-proxy    the proxy beside nginx; benches/proxy.py --reference has LiteLLM too'
	@echo '# make fuzz       an hour of fuzzing'
	@echo '# make header     include/mishikallm.h anew, after a change in src/ffi'
	@echo '# make lint       formatting and clippy, as CI does'

# With only these two crate types the library is optimised as a whole; the tests build it as a Rust library too.
lib:
	@.ci/needs cargo cc
	$(CARGO) rustc --release --lib --crate-type cdylib,staticlib --features quiet $(LIB_FLAGS)
	@ln -sf libmishikallm.so $(RELEASE)/$(SONAME)

proxy:
	@.ci/needs cargo cc
	$(CARGO) build --release --package mishikallm-proxy

build/%: examples/c/%.c examples/c/peek.h include/mishikallm.h lib
	@mkdir -p build
	$(CC) $(CFLAGS) $(WARN) -Iinclude $< -o $@ -L$(RELEASE) -lmishikallm -lm -Wl,-rpath,'$(RELEASE)'

demo: build/demo build/chat
ifeq ($(strip $(TRITON)),)
	@.ci/needs python3
	tests/triton/triton run -- sh -c 'build/demo "$$TRITON"'
else ifeq ($(strip $(MODEL)),)
	$(error Say which model to ask: make demo TRITON=$(TRITON) MODEL=name [EMBEDDING_MODEL=name])
else
	build/demo '$(TRITON)' '$(MODEL)' '$(EMBEDDING_MODEL)'
endif

install: lib
	bindings/cpp/install '$(PREFIX)' '$(DESTDIR)'

# Of the packages: the C library in build/prefix, and one that runs on any Linux with glibc, for packages that carry it.
OURS = $(CURDIR)/build/prefix
prefix: lib
	@bindings/cpp/install '$(OURS)'

portable:
	bindings/portable/build

cpp go: prefix
	PREFIX='$(OURS)' bindings/$@/build

python java: portable
	bindings/$@/build

node: prefix portable
	PREFIX='$(OURS)' bindings/$@/build

packages: $(LANGUAGES)

conformance: packages
	bindings/conformance/run

samples: packages
	@.ci/needs python3
	tests/triton/triton run -- bindings/conformance/samples

memory: packages
	bindings/conformance/memory

test:
	.ci/test

bench: lib
	benches/run.py --library '$(RELEASE)/libmishikallm.so'

bench-proxy: proxy
	@.ci/needs python3 nginx
	benches/proxy.py --proxy '$(RELEASE)/mishikallm'

fuzz:
	fuzz/run long

header:
	MISHIKALLM_UPDATE=1 $(CARGO) test --test abi header

fmt:
	$(CARGO) fmt --all

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

clean:
	$(CARGO) clean
	rm -rf build
