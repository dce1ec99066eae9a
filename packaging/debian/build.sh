#!/bin/sh
# Builds the Debian package around a binary that is already built, with dpkg-deb alone.
#
#   packaging/debian/build.sh target/dist/fortilake amd64 dist/
#
# The files of the package are dated SOURCE_DATE_EPOCH, by default the time of the last commit, so
# that the same binary makes the same package.
set -eu

if [ $# -ne 3 ]; then
    echo "usage: $0 BINARY ARCHITECTURE FOLDER" >&2
    exit 2
fi
binary=$1 architecture=$2 folder=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct)
fi
export SOURCE_DATE_EPOCH

package=$(mktemp -d)
trap 'rm -rf "$package"' EXIT
chmod 755 "$package"

put() { # MODE SOURCE TARGET
    install -D -m "$1" "$2" "$package/$3"
}
put 755 "$binary" usr/bin/fortilake
put 644 "$root/packaging/systemd/fortilake.service" lib/systemd/system/fortilake.service
put 644 "$root/packaging/systemd/fortilake.timer" lib/systemd/system/fortilake.timer
put 644 "$root/packaging/systemd/fortilake-alert.service" lib/systemd/system/fortilake-alert.service
put 644 "$root/packaging/systemd/fortilake.sysusers" usr/lib/sysusers.d/fortilake.conf
put 644 "$here/fortilake.toml" etc/fortilake/fortilake.toml
put 600 "$here/credentials" etc/fortilake/credentials
put 644 "$root/README.md" usr/share/doc/fortilake/README.md
put 644 "$root/docs/snapshot-format.md" usr/share/doc/fortilake/snapshot-format.md
put 644 "$root/SECURITY.md" usr/share/doc/fortilake/SECURITY.md
{
    echo "Files: *"
    echo "Copyright: The fortilake developers"
    echo "License: MIT or Apache-2.0"
    echo
    cat "$root/LICENSE-MIT"
    echo
    echo "The text of the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0."
} >"$package/usr/share/doc/fortilake/copyright"
chmod 644 "$package/usr/share/doc/fortilake/copyright"
gzip -9n <"$root/CHANGELOG.md" >"$package/usr/share/doc/fortilake/changelog.gz"
chmod 644 "$package/usr/share/doc/fortilake/changelog.gz"

# A static binary needs no C library.
depends=ca-certificates
if ! ldd "$binary" 2>&1 | grep -Eq 'not a dynamic executable|statically linked'; then
    # The newest symbol version that the binary uses is the oldest C library that it runs with.
    libc=$(grep -ao 'GLIBC_2\.[0-9]*' "$binary" | sort -uV | tail -1)
    depends="libc6 (>= ${libc#GLIBC_}), libgcc-s1, $depends"
fi

mkdir "$package/DEBIAN"
size=$(du -sk --exclude=DEBIAN "$package" | cut -f1)
cat >"$package/DEBIAN/control" <<CONTROL
Package: fortilake
Version: $version
Architecture: $architecture
Maintainer: The fortilake developers <fortilake@users.noreply.github.com>
Installed-Size: $size
Depends: $depends
Section: admin
Priority: optional
Homepage: https://github.com/fortilake/fortilake
Description: copies a Fortinet inventory into tables
 fortilake reads organizational units, accounts, products, entitlements and
 contracts from FortiCloud, FortiPortal and FortiAuthenticator, and publishes
 them as Parquet, CSV or NDJSON files, to a webhook or to a program.
 .
 The package contains a systemd timer that is not enabled until you have
 written the credentials of an API user to /etc/fortilake/credentials.
CONTROL
printf '/etc/fortilake/%s\n' credentials fortilake.toml >"$package/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    put 755 "$here/$script" "DEBIAN/$script"
done

find "$package" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$folder"
dpkg-deb --root-owner-group --build "$package" "$folder/fortilake_${version}_$architecture.deb"
