# `make demo` shows it, `make test` checks it. Both work in a fresh clone.

CARGO ?= cargo
DEMO_ROOT := target/demo-root
DEMO_TASK := pi-demo

.PHONY: demo test bench crash failpoints idle large build needs browser

build:
	$(CARGO) build --release

# 500 digits of pi, computed by a task that is written in examples/pi.thermos.
demo: needs build
	rm -rf $(DEMO_ROOT)
	target/release/thermos --root $(DEMO_ROOT) run -E precision=500 --task-id $(DEMO_TASK) examples/pi.thermos
	target/release/thermos --root $(DEMO_ROOT) tail -n 100 $(DEMO_TASK) pi

test: needs browser failpoints
	$(CARGO) test --workspace --doc
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		echo $(CARGO) nextest run --workspace; $(CARGO) nextest run --workspace; \
	else \
		echo $(CARGO) test --workspace --lib --bins --tests; $(CARGO) test --workspace --lib --bins --tests; \
	fi

# Fifty sleeping processes for half a minute: neither their runner nor a coordinator may wake.
idle:
	THERMOS_IDLE_SECONDS=30 $(CARGO) test --release --test integration fifty_sleeping_processes_wake_nobody

# Tasks of 10,000 processes, a chain of 1,000, 1,000 dependents of one.
large:
	THERMOS_LARGE=1 $(CARGO) test --release --test integration point_18

# Kills runners and coordinators at random moments for an hour, or for THERMOS_CRASH_SECONDS.
crash: needs failpoints
	THERMOS_CRASH_SECONDS=$${THERMOS_CRASH_SECONDS:-3600} $(CARGO) test --test integration crash::storm -- --nocapture

# What it costs, side by side with other programs: a table, and target/bench.json. BENCH=--short is a look; figures may
# be named.
bench: needs
	$(CARGO) bench --bench speed -- $(BENCH)

# What the crash tests kill; they would build it themselves, one waiting for the other.
failpoints:
	$(CARGO) build --features failpoints --example thermos-failpoints

# The examples compute with bc in bash.
needs:
	@for tool in bash bc; do \
		command -v $$tool >/dev/null && continue; \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$tool || exit 1; \
		else \
			echo "the examples need $$tool: install it, for instance with: sudo apt-get install $$tool" >&2; exit 1; \
		fi; \
	done

# Tests look at the pages of the observer in it; without it they are left out.
browser:
	@for tool in chromium chromedriver; do \
		command -v $$tool >/dev/null && continue; \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver && break; \
		fi; \
		echo "no $$tool: tests of pages are left out; sudo apt-get install chromium chromium-driver" >&2; \
	done
