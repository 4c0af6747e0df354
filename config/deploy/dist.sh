#!/bin/sh
# Makes a release into DIST (bin/dist): for each of ARCHS a static archive and two Debian packages, and their checksums.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
dist=${DIST:-$root/bin/dist}
VERSION=${VERSION:-$(cd "$root" && git describe --tags --always --dirty 2>/dev/null || echo devel)}
VERSION=${VERSION#v}
# A Debian version begins with a digit; one that is a commit sorts before every release.
case $VERSION in [0-9]*.*) DEB_VERSION=$VERSION ;; *) DEB_VERSION=0.0.0~$VERSION ;; esac
export VERSION DEB_VERSION
rm -rf "$dist"
mkdir -p "$dist"
for GOARCH in ${ARCHS:-amd64 arm64}; do
	export GOARCH GOOS=linux
	name=otpgw_${VERSION}_linux_$GOARCH
	STAGE=$dist/$name
	export STAGE
	"$here/build.sh" "$STAGE"
	cp "$root/LICENSE" "$root/README.md" "$here/RUNBOOK.md" "$here/example.conf" "$here/otpgw.service" "$STAGE/"
	cp "$here/README.md" "$STAGE/OPERATIONS.md"
	cp "$root/config/README.md" "$STAGE/SETTINGS.md"
	# nfpm runs here, whatever the package is for.
	for package in otpgw smscsim; do
		(cd "$here" && env -u GOOS -u GOARCH ARCH="$GOARCH" go run "${NFPM:-github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.1}" package -f "$package.nfpm.yaml" -p deb -t "$dist/")
	done
	tar -C "$dist" --sort=name --owner=0 --group=0 --numeric-owner --mtime="${SOURCE_DATE:-@0}" -czf "$dist/$name.tar.gz" "$name"
	rm -r "$STAGE"
done
cd "$dist"
sha256sum -- *.tar.gz *.deb >SHA256SUMS
cat SHA256SUMS
