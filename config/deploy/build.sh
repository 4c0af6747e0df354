#!/bin/sh
# Builds static binaries with their version into a directory: build.sh DIR. GOOS and GOARCH say for what, VERSION which,
# BUILDFLAGS how.
set -eu
out=$1
cd "$(dirname "$0")/../.."
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo devel)}
commit=${COMMIT:-$(git rev-parse HEAD 2>/dev/null || true)}
date=${DATE:-$(git log -1 --format=%cI 2>/dev/null || true)}
pkg=github.com/otpgw/otpgw/cmd/internal/version
mkdir -p "$out"
CGO_ENABLED=0 go build ${BUILDFLAGS--trimpath} -buildvcs=false \
	-ldflags "-s -w -X $pkg.number=${version#v} -X $pkg.commit=$commit -X $pkg.date=$date" -o "$out/" ./cmd/otpgw ./cmd/smscsim
