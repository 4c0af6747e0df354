# Everything a developer does with this repository. Needs Go and make, nothing else.
GO ?= go
FUZZTIME ?= 30s

# Without the race detector all is compiled as for a release, without cgo: tests, vet and staticcheck share what is compiled.
PLAIN = CGO_ENABLED=0
# The tests of so many packages run at a time, for most of them wait: for timers, disks and other processes. Those that take
# longest begin first.
LONGEST = ./cmd/otpgw/... ./smpp/link ./queue ./config/deploy/... ./smpp/smsc/internal/web
PACKAGES ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

.PHONY: help run build test check full fuzz chaos kills power torture throttle model conformance bench growth sync volume ended dead soak dist

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 8

run: build ## build, and start the gateway with a simulated SMSC: prints a curl line that works
	@exec ./bin/otpgw -demo

build: ## bin/otpgw and bin/smscsim
	$(PLAIN) $(GO) build -buildvcs=auto -o bin/ ./cmd/...

check: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'gofmt: run gofmt -w on these files'; exit 1; }
	$(PLAIN) $(GO) vet ./...
	$(PLAIN) $(GO) tool staticcheck ./...

test: check ## check, then every test with the race detector, in a random order (check has run vet)
	$(GO) test -race -shuffle=on -vet=off -p $(PACKAGES) -parallel 4 -timeout 10m $(LONGEST) ./...

full: ## the long tests at their full size: 10,000 guesses on a cluster, axe-core in each look of the simulator's page, releases as they are built, arm64 under QEMU, truncation in a cluster, dead URLs with 20,000 changes
	OTPGW_TEST_FULL=1 $(GO) test -race -run 'TestGuessesOnCluster' -timeout 20m -v ./cmd/otpgw
	OTPGW_TEST_FULL=1 $(GO) test -run 'TestPageIsAccessible' -v ./smpp/smsc/internal/web
	OTPGW_TEST_FULL=1 $(GO) test -run 'TestDist|TestImage|TestContainer|TestArm64' -timeout 20m -v ./config/deploy
	OTPGW_TEST_FULL=1 $(GO) test -race -run 'TestTruncationInACluster|TestDaemonBehindALostEnd|TestLateDaemonReadsWhatWasSpilled' -timeout 20m -v ./queue
	OTPGW_CALLBACK_DEAD=20000 $(GO) test -run 'TestDeadURLKeepsOneMessageForTwoHundredChanges' -v ./dlr/callback

fuzz: ## every fuzz target for FUZZTIME (30s) each
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$pkg; \
		done; \
	done

chaos: ## 20,000 OTPs over an SMSC that drops, throttles, stays silent, and sends receipts early and twice
	OTPGW_TEST_CHAOS=20000 $(GO) test -run '^TestChaos$$' -count 1 -timeout 30m -v ./smpp/link

kills: ## the daemon killed (-9) a hundred times in the middle of 2,000 OTPs: none is lost, none comes more often than a window may
	OTPGW_TEST_KILLS=100 $(GO) test -run '^TestKillLosesNothing$$' -count 1 -timeout 2h -v ./cmd/otpgw

power: ## the machine of a daemon loses its power: what was not synced is gone, and of what was promised nothing may be
	$(GO) test -run '^TestPowerLoss$$' -count 1 -timeout 10m -v ./cmd/otpgw/torture

torture: ## three daemons on three NATS nodes under load, everything broken for TORTURE_SECONDS (600) as TORTURE_SEED says, with TORTURE_RACE=1 under the race detector; one table of what was kept
	TORTURE_SECONDS=$${TORTURE_SECONDS:-600} TORTURE_SEED=$${TORTURE_SEED:-$$(date +%s)} OTPGW_TEST_RACE=$${TORTURE_RACE-} $(GO) test $${TORTURE_RACE:+-race} -run '^TestTorture$$' -count 1 -timeout 2h -v ./cmd/otpgw/torture

throttle: ## a link that has to find out the rate of its carrier, 10 parts per second, for a full minute
	OTPGW_TEST_THROTTLE_MINUTE=1 $(GO) test -run '^TestThrottlingCarrier$$' -count 1 -v ./smpp/link

model: ## the model of the log for MODEL_TIME (2m) each: random transactions, faults, kills, jumps to snapshots and lost ends; linearizable, memories equal
	OTPGW_TEST_MODEL=$${MODEL_TIME:-2m} $(GO) test -run '^TestModel' -count 1 -timeout 3h -v ./queue/internal/commitlog

bench: ## otpgw beside Kannel (where it is installed): delivered/s, latency, CPU, memory, BENCH_MESSAGES (40000) a round; a plot; then the pieces
	OTPGW_MEASURE=bench BENCH_PLOT=$${BENCH_PLOT-figures.svg} $(GO) test -run '^TestBench$$' -count 1 -timeout 3h -v ./cmd/otpgw/measure
	$(GO) test -run '^$$' -bench EndToEnd -benchtime 1x -count 3 -timeout 30m ./cmd/otpgw
	$(GO) test -run '^$$' -bench . -benchtime 2s ./smpp/... ./queue/... ./otp/... ./dlr/...

growth: ## what more links, other stores and more daemons cost
	OTPGW_MEASURE=growth $(GO) test -run '^TestGrowth$$' -count 1 -timeout 3h -v ./cmd/otpgw/measure

sync: ## what the sync of each commit costs (OTPGW_NATS_SYNC=always), in BENCH_ROUNDS (3) turns
	OTPGW_MEASURE=sync $(GO) test -run '^TestSync$$' -count 1 -timeout 1h -v ./cmd/otpgw/measure

volume: ## VOLUME (300000) pending OTPs, several by commas, in VOLUME_MEMORY MiB: memory, disk, the time of a start, the rate there
	OTPGW_MEASURE=volume $(GO) test -run '^TestVolume$$' -count 1 -timeout 6h -v ./cmd/otpgw/measure

ended: ## ENDED (100000) OTPs that were verified, in ENDED_MEMORY MiB: what one takes until the end of its retention, and what 1,000 a second need
	OTPGW_MEASURE=ended $(GO) test -run '^TestEnded$$' -count 1 -timeout 6h -v ./cmd/otpgw/measure

dead: ## DEAD (50000) OTPs run out while the daemon is stopped, and their callback URL is dead: CPU and memory of the DEAD_SECONDS (120) after its start
	OTPGW_MEASURE=dead $(GO) test -run '^TestDeadURL$$' -count 1 -timeout 2h -v ./cmd/otpgw/measure

soak: ## SOAK_SECONDS (1800) at SOAK_RATE (500) OTPs a second with failures of every kind: memory, goroutines, descriptors and store
	OTPGW_MEASURE=soak $(GO) test -run '^TestSoak$$' -count 1 -timeout 12h -v ./cmd/otpgw/measure

conformance: ## 100,000 requests made from openapi.yaml: no 5xx, every answer as the document says; and schemathesis, when pip can get it
	OTPGW_TEST_REQUESTS=100000 $(GO) test -count=1 -v -run 'TestGeneratedRequests|TestSchemathesis' -timeout 60m ./otp/api ./cmd/otpgw

dist: ## static archives for linux amd64 and arm64, Debian packages, checksums: in bin/dist
	config/deploy/dist.sh
