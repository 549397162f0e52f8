#!/bin/sh
# SPDX-License-Identifier: MIT
# An initramfs of nothing but busybox, the same bytes every time: initrd.sh FILE
set -eu

target=$(readlink -m "$1")
source=$(dirname "$(readlink -f "$0")")
busybox=/bin/busybox
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
umask 022

mkdir -p "$work/root/bin" "$work/root/dev" "$work/root/etc" "$work/root/proc" "$work/root/root" "$work/root/sys" \
	"$work/root/tmp"
cp $busybox "$work/root/bin/busybox"
for name in $($busybox --list); do
	[ "$name" = busybox ] || ln -s busybox "$work/root/bin/$name"
done
cp "$source/inittab" "$source/rc" "$source/profile" "$work/root/etc"
chmod 644 "$work/root/etc/inittab" "$work/root/etc/profile"
chmod 755 "$work/root/etc/rc" "$work/root/bin/busybox"
ln -s bin/busybox "$work/root/init"
find "$work/root" -exec touch -h -d @0 {} +
(cd "$work/root" && find . | LC_ALL=C sort | cpio --quiet --reproducible --owner=0:0 -o -H newc) |
	gzip -9n >"$work/image"
mv "$work/image" "$target"
