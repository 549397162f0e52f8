#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that building, running and testing need, and those named in PACKAGES. Says nothing when
# all are there.
set -eu

BUILD="gcc make binutils libc6-dev gnu-efi newlib-source xz-utils acpica-tools"
RUN="qemu-system-x86 ovmf seabios bochs bochsbios vgabios mtools gdisk grub-common grub-pc-bin xorriso
busybox-static cpio"
TEST="libcmocka-dev python3 python3-pytest python3-pexpect"

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "This is not a Debian system. Install by other means what these packages hold: $BUILD $RUN $TEST" >&2
	exit 0
fi

missing=
for package in $BUILD $RUN $TEST ${PACKAGES:-}; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "Packages are missing and there is no sudo. As root: apt-get install$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
echo "Installing$missing"
$as_root apt-get update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
